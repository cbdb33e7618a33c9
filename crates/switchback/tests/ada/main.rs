//! The real program with the real example application: Flask, SQLAlchemy, Flask-Migrate, waitress
//! and PostgreSQL. Every test has its own shop: repository, database, port and folder.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod bare_alembic;
mod demo;
mod fences;
mod killed;
mod newcomer;
mod outage;
mod picture;
mod restore_points;
mod reviewed;
mod rollback;
mod shop;
mod web;
