create table addresses (user_id bigint primary key references users, email text not null);
insert into addresses select id, lower(email) from users;
update users set points = 10 where id % 2 = 0;
