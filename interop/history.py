"""Ten migrations that every tool is given in its own layout; the seventh builds an index concurrently.

Two of them last some seconds, so that a fault can hit their middle: the fifth sleeps at its end (as a
long UPDATE would keep it), the seventh calls a slow function for each row (as a large table would).
"""

SLEEP = 4

# Name, statements, whether it must leave the transaction, and what is there when it was done.
MIGRATIONS = [
    ("accounts", ["create table accounts (id bigint primary key, email text not null, balance bigint not null default 0)",
                  "insert into accounts select n, 'User' || n || '@example.invalid', n from generate_series(1, 300) n"],
     False, "to_regclass('public.accounts') is not null"),
    ("entries", ["create table entries (id bigint primary key, account_id bigint not null references accounts, amount bigint not null)",
                 "insert into entries select n, 1 + n % 300, n from generate_series(1, 3000) n"],
     False, "to_regclass('public.entries') is not null"),
    ("since", ["alter table accounts add column since date not null default '2026-01-01'"],
     False, "exists (select from pg_attribute where attrelid = to_regclass('public.accounts') and attname = 'since')"),
    ("entries_account", ["create index entries_account on entries (account_id)"],
     False, "to_regclass('public.entries_account') is not null"),
    ("tier", ["alter table accounts add column tier text", "update accounts set tier = 'plain'",
              f"select pg_sleep({SLEEP})", "alter table accounts alter column tier set not null"],
     False, "exists (select from pg_attribute where attrelid = to_regclass('public.accounts') and attname = 'tier')"),
    ("folded", ["create function folded(text) returns text immutable language plpgsql as "
                "$$begin perform pg_sleep(0.01); return lower($1); end$$"],
     False, "to_regprocedure('public.folded(text)') is not null"),
    ("accounts_folded", ["create index concurrently accounts_folded on accounts (folded(email))"],
     True, "exists (select from pg_index where indexrelid = to_regclass('public.accounts_folded') and indisvalid)"),
    ("sums", ["create view sums as select account_id, sum(amount) as amount from entries group by account_id"],
     False, "to_regclass('public.sums') is not null"),
    ("notes", ["alter table entries add column note text"],
     False, "exists (select from pg_attribute where attrelid = to_regclass('public.entries') and attname = 'note')"),
    ("audit", ["create table audit (id bigint primary key, at timestamptz not null default now(), what text not null)"],
     False, "to_regclass('public.audit') is not null"),
]

INVALID = "select count(*) from pg_index where not indisvalid"
# In the middle: the fifth asleep, the seventh with its index in the catalog and not valid yet.
MIDDLE = {
    "the fifth migration": "select count(*) from pg_stat_activity where datname like '{database}%' and state = 'active' "
                           f"and wait_event = 'PgSleep' and query like '%pg_sleep({SLEEP})%'",
    "the concurrent index": "select count(*) from pg_stat_progress_create_index where datname like '{database}%' "
                            "and command = 'CREATE INDEX CONCURRENTLY' and phase like 'building index%'",
}
