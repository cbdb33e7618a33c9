create table alembic_version (version_num varchar(32) primary key);
insert into alembic_version values ('r1');
create table users (id bigserial primary key, name text not null, email text);
create table notes (id bigserial primary key, user_id bigint not null references users, body text);
create table starts (id bigserial primary key, release text);
insert into users (name, email) select 'user ' || n, 'U' || n || '@Example.org' from generate_series(1, 200) n;
insert into notes (user_id, body) select 1 + n % 200, 'note ' || n from generate_series(1, 500) n;
comment on table users is 'people';
