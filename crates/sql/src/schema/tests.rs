use std::collections::BTreeSet;

use super::*;
use crate::{PieceKind, read, split};

fn known(script: &str) -> Schema {
    let mut schema = Schema::new();
    take_in(&mut schema, script);
    schema
}

fn take_in(schema: &mut Schema, script: &str) {
    for (number, piece) in split(script).filter(|piece| piece.kind == PieceKind::Statement).enumerate() {
        let statement = read::read(piece.text(script)).unwrap();
        schema.apply(&statement, Born { script: 0, statement: number });
    }
}

fn constraints(schema: &Schema, table: &str) -> Vec<String> {
    let table = schema.table(&Relation::named(table)).unwrap();
    table.constraints.iter().map(|constraint| constraint.name.clone()).collect()
}

fn indexes(schema: &Schema, table: &str) -> BTreeSet<String> {
    schema.indexes_of(&Relation::named(table)).map(|index| index.name.name.clone()).collect()
}

fn columns(schema: &Schema, table: &str) -> Vec<String> {
    let table = schema.table(&Relation::named(table)).unwrap();
    table.columns.iter().map(|column| column.name.clone()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn names_are_those_that_the_server_gives() {
    let schema = known(
        "create table users (id bigserial primary key, email text unique);
        create table orders (
            id int primary key, user_id bigint references users, total int check (total > 0) check (total < 9),
            a int, b int, unique (a, b), check (a > b));
        create index on orders (lower(a::text), b); create index on orders (total); create index on orders (total)",
    );
    let names =
        ["orders_total_check", "orders_total_check1", "orders_check", "orders_pkey", "orders_a_b_key"];
    assert_eq!(constraints(&schema, "orders"), [names.as_slice(), &["orders_user_id_fkey"]].concat());
    let own =
        ["orders_pkey", "orders_a_b_key", "orders_lower_b_idx", "orders_total_idx", "orders_total_idx1"];
    assert_eq!(indexes(&schema, "orders"), set(&own));
    assert_eq!(indexes(&schema, "users"), set(&["users_pkey", "users_email_key"]));
    assert!(schema.sequence(&Relation::named("users_id_seq")).is_some());
    let (table, key) = schema.foreign_keys_to(&Relation::named("users"))[0];
    assert_eq!((table.name.name.as_str(), key.referenced.as_slice()), ("orders", &["id".to_owned()][..]));
}

#[test]
fn what_is_done_aside_is_taken_back() {
    let mut schema = known(
        "create extension citext; create type mood as enum ('a'); create domain d as int;
        create table users (id bigserial primary key, email text unique, mood mood);
        create table orders (id int primary key, user_id bigint references users, of d, check (id > 0));
        create view v as select id from orders; create index on orders (id); create index on orders (id);
        create function f(int) returns int language sql as 'select 1'; create publication p for table users",
    );
    let before = format!("{schema:#?}");
    let done = schema.aside(|schema| {
        take_in(
            schema,
            "set search_path = other; create temp table users (id int); drop extension citext;
            alter type public.mood rename to temper; alter domain public.d add check (value > 0);
            create index on public.orders (id); drop view public.v; alter table public.orders rename to sales;
            alter table public.sales add constraint c check (id < 9), drop column of; drop publication p;
            create or replace function public.f(int) returns int immutable language sql as 'select 2';
            drop table public.users cascade; create table more (id serial); create schema s",
        );
        format!("{schema:#?}")
    });
    assert!(done.contains("temper") && done.contains("pg_temp"), "{done}");
    assert_eq!(format!("{schema:#?}"), before);
}

#[test]
fn a_name_is_used_again_once_it_is_free() {
    let schema = known(
        "create table t (a int check (a > 0), b int);
        alter table t add check (a > 1); alter table t drop constraint t_a_check; alter table t add check (a > 2);
        create index on t (b); create index on t (b); drop index t_b_idx; create index on t (b)",
    );
    assert_eq!(constraints(&schema, "t"), ["t_a_check1", "t_a_check"]);
    assert_eq!(indexes(&schema, "t"), set(&["t_b_idx", "t_b_idx1"]));
}

#[test]
fn tables_from_before_the_scripts_are_known_in_part() {
    let schema = known("alter table old add column c int not null; alter table old rename to older");
    let table = schema.table(&Relation::named("older")).unwrap();
    assert_eq!((table.born, table.all_columns), (None, false));
    assert!(schema.table(&Relation::named("old")).is_none());
    assert!(table.columns[0].not_null && table.columns[0].born.is_some());
}

#[test]
fn whoever_speaks_of_a_table_speaks_of_it_by_its_new_name() {
    let schema = known(
        "create table a (id int primary key, x int);
        create table b (a_id int references a); create view v as select x from a; create index on a (x);
        alter table a rename to c; alter table c rename column x to y; alter table c rename column id to key;
        alter table c rename constraint c_none to d; alter table c rename constraint a_pkey to c_pkey",
    );
    let name = Relation::named("c");
    assert_eq!(schema.foreign_keys_to(&name)[0].1.referenced, ["key"]);
    assert_eq!(schema.views_of(&name)[0].reads_columns, ["y"]);
    assert_eq!(indexes(&schema, "c"), set(&["a_x_idx", "c_pkey"]));
    let index = schema.index(&Relation::named("a_x_idx")).unwrap();
    assert_eq!(index.keys, [Key::Column("y".into())]);
    assert_eq!(constraints(&schema, "c"), ["c_pkey"]);
}

#[test]
fn a_drop_takes_along_what_hangs_on_it() {
    let mut schema = known(
        "create type mood as enum ('a'); create table a (id serial primary key, m mood, check (id > 0));
        create table b (a_id int references a); create view v as select id from a; create view w as select id from v;
        create table p (x int) partition by range (x); create table p1 partition of p default",
    );
    take_in(&mut schema, "drop type mood cascade");
    assert_eq!(columns(&schema, "a"), ["id"]);
    take_in(&mut schema, "drop table a cascade; drop table p");
    let gone = ["a", "v", "w", "p", "p1", "a_id_seq", "a_pkey"];
    for name in gone.map(Relation::named) {
        assert!(schema.table(&name).is_none() && schema.index(&name).is_none(), "{name}");
        assert!(schema.sequence(&name).is_none(), "{name}");
    }
    assert!(constraints(&schema, "b").is_empty());
    assert!(schema.dropped(&Relation::named("w")).is_some());
    take_in(&mut schema, "create table a (id int)");
    assert!(schema.dropped(&Relation::named("a")).is_none());
}

#[test]
fn a_column_goes_with_its_constraints_and_indexes() {
    let schema = known(
        "create table t (a int, b int, c int, check (a > b), unique (a, c));
        create index on t (c) include (a); create index on t (b); alter table t drop column a",
    );
    assert_eq!(columns(&schema, "t"), ["b", "c"]);
    assert!(constraints(&schema, "t").is_empty());
    assert_eq!(indexes(&schema, "t"), set(&["t_b_idx"]));
}

#[test]
fn partitions_have_what_their_parent_has() {
    let schema = known(
        "create table u (id int primary key);
        create table p (a int primary key, b int references u) partition by range (a); create index on p (b);
        create table p1 partition of p for values from (1) to (2); create table p2 (a int not null, b int);
        alter table p attach partition p2 for values from (2) to (3);
        alter table p add column c int check (c > 0); create index on only p (c)",
    );
    for part in ["p1", "p2"] {
        assert_eq!(columns(&schema, part), ["a", "b", "c"]);
        assert_eq!(indexes(&schema, part), set(&[&format!("{part}_pkey"), &format!("{part}_b_idx")]));
        assert!(constraints(&schema, part).contains(&"p_b_fkey".to_owned()));
        assert!(constraints(&schema, part).contains(&"p_c_check".to_owned()));
    }
    assert!(!schema.index(&Relation::named("p_c_idx")).unwrap().valid);
}

#[test]
fn proofs_come_and_go() {
    let mut schema = known("create table t (a int); alter table t add constraint c check (a > 0) not valid");
    let valid = |schema: &Schema| schema.table(&Relation::named("t")).unwrap().constraints[0].valid;
    assert!(!valid(&schema));
    take_in(&mut schema, "alter table t validate constraint c");
    assert!(valid(&schema));
    take_in(&mut schema, "alter table t add constraint n not null a not valid");
    let not_null = |schema: &Schema| schema.column(&Relation::named("t"), "a").unwrap().not_null;
    assert!(!not_null(&schema));
    take_in(&mut schema, "alter table t validate constraint n");
    assert!(not_null(&schema));
    take_in(&mut schema, "alter table t drop constraint n");
    assert!(!not_null(&schema));
}

#[test]
fn an_index_becomes_a_constraint_by_its_name() {
    let schema = known(
        "create table t (a int, b int); create unique index concurrently i on t (a);
        alter table t add constraint t_pk primary key using index i",
    );
    let index = schema.index(&Relation::named("t_pk")).unwrap();
    assert_eq!((index.constraint.as_deref(), index.unique), (Some("t_pk"), true));
    assert!(schema.index(&Relation::named("i")).is_none());
    assert!(schema.column(&Relation::named("t"), "a").unwrap().not_null);
}

#[test]
fn the_search_path_says_where_a_name_is() {
    let mut schema = known("create table t (a int); set search_path = app, public; create table t (b int)");
    assert_eq!(schema.resolve(&Relation::named("t")).schema.as_deref(), Some("app"));
    assert_eq!(schema.short(&schema.resolve(&Relation::named("t"))), Relation::named("t"));
    take_in(&mut schema, "begin; set local search_path = public; alter table t add column c int; commit");
    assert_eq!(columns(&schema, "t"), ["b"]);
    take_in(&mut schema, "select pg_catalog.set_config('search_path', '', false)");
    assert_eq!(columns(&schema, "t"), ["a", "c"]);
    take_in(&mut schema, "create temp table t (z int)");
    assert_eq!(columns(&schema, "t"), ["z"]);
    schema.new_session();
    take_in(&mut schema, "drop table t");
    assert_eq!(columns(&schema, "t"), ["a", "c"]);
}

#[test]
fn what_a_query_makes_has_its_columns() {
    let schema = known("create table a (x int); create table c as select * from a;");
    assert_eq!(columns(&schema, "c"), ["x"]);
}

/// Each of these was slow in some shape: one table with everything, a chain, one name for everybody.
#[test]
fn long_histories_are_read_in_time() {
    let mut schema = Schema::new();
    let mut apply = |text: String, number| {
        schema.apply(&read::read(&text).unwrap(), Born { script: number, statement: 0 });
    };
    apply("create table hub (id int primary key, x int)".into(), 0);
    for n in 0..5_000 {
        apply(format!("create table t{n} (id int primary key, hub_id int references hub)"), n);
        apply("create index on hub (x)".into(), n);
        apply("alter table hub add check (x > 0)".into(), n);
        apply(format!("alter table hub add column c{n} int"), n);
        apply(format!("create view v{n} as select * from t{n}"), n);
    }
    assert_eq!(schema.foreign_keys_to(&Relation::named("hub")).len(), 5_000);
    assert!(schema.index(&Relation::named("hub_x_idx4999")).is_some());
    assert!(schema.column(&Relation::named("hub"), "c1597").is_some());
}

#[test]
fn constraints_are_all_known_only_where_each_was_seen() {
    let schema = known(
        "create table a (id int primary key); create table b (like a including all);
        create table c () inherits (a); create table d as select 1 as id; alter table e add unique (id);
        create table f (id int); alter table f drop constraint if exists some_name;
        create table g (id int); alter table g add column id int;
        create table h (id int) partition by range (id);
        create table h1 partition of h for values from (1) to (2);
        create table i1 partition of unknown for values from (1) to (2);
        create table j (id int); alter table unknown attach partition j default;
        create table k (id int); create table k (id int)",
    );
    let all = schema.tables().filter(|table| table.all_constraints).map(|table| table.name.name.as_str());
    assert_eq!(all.collect::<Vec<_>>(), ["a", "h", "h1"]);
}

#[test]
fn what_was_made_behind_something_unclear_is_followed() {
    let mut schema = known("create table a (id int)");
    let at = |statement| Born { script: 1, statement };
    assert!(schema.is_followed(None) && schema.is_followed(Some(at(0))));
    schema.set_unclear(at(5));
    assert!(!schema.is_followed(None) && !schema.is_followed(Some(at(5))) && schema.is_followed(Some(at(6))));
    schema.aside(|schema| schema.set_unclear(at(7)));
    assert!(schema.is_followed(Some(at(6))));
}
