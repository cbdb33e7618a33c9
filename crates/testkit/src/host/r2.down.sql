drop index notes_user;
alter table users drop column points;
