alter table users add column points integer not null default 0;
create index notes_user on notes (user_id);
