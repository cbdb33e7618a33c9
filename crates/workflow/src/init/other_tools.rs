//! Other tools' migrations, known by their files.

use std::path::Path;

use super::tree::Tree;

/// A file that only one tool has.
struct Sign {
    tool: &'static str,
    /// By its path, with `/` in front.
    path: fn(&str) -> bool,
    /// By what stands in it, where the path alone says too little.
    text: Option<&'static str>,
}

const fn sign(tool: &'static str, path: fn(&str) -> bool) -> Sign {
    Sign { tool, path, text: None }
}

const fn says(tool: &'static str, path: fn(&str) -> bool, text: &'static str) -> Sign {
    Sign { tool, path, text: Some(text) }
}

/// The layout that golang-migrate, sqlx and plain SQL share; the others are known by more than that.
pub(super) const UP_AND_DOWN: &str = "golang-migrate";

/// The sure signs first.
const SIGNS: &[Sign] = &[
    sign("sqitch", |path| path.ends_with("/sqitch.plan")),
    sign("Atlas", |path| path.ends_with("/atlas.sum") || path.ends_with("/atlas.hcl")),
    sign("diesel", |path| path.ends_with("/diesel.toml")),
    sign("Prisma", |path| path.ends_with("/schema.prisma") || path.ends_with("/migration_lock.toml")),
    sign("graphile-migrate", |path| path.ends_with("/.gmrc")),
    sign("Knex", |path| path.ends_with("/knexfile.js") || path.ends_with("/knexfile.ts")),
    sign("Sequelize", |path| path.ends_with("/.sequelizerc")),
    sign("Skeema", |path| path.ends_with("/.skeema")),
    says("Django", |path| path.ends_with("/manage.py"), "django"),
    says("goose", is_sql, "-- +goose Up"),
    says("dbmate", is_sql, "-- migrate:up"),
    says(
        "Liquibase",
        |path| ends(path, "sql") || ends(path, "xml") || ends(path, "yaml"),
        "databaseChangeLog",
    ),
    says("Liquibase", is_sql, "liquibase formatted sql"),
    says("refinery", |path| path.ends_with("/Cargo.toml"), "\nrefinery"),
    says("sqlx", |path| path.ends_with("/Cargo.toml"), "\nsqlx"),
    sign("Flyway", |path| {
        path.ends_with("/flyway.conf") || path.ends_with("/flyway.toml") || is_flyway(path)
    }),
    sign("diesel", |path| path.ends_with("/up.sql")),
    sign(UP_AND_DOWN, |path| path.ends_with(".up.sql")),
    sign("Ecto", |path| path.contains("/priv/repo/migrations/")),
    sign("Rails", |path| path.contains("/db/migrate/") && ends(path, "rb")),
    sign("plain SQL", |path| is_sql(path) && path.contains("/migrations/")),
];

/// The tool that the files belong to, and the file that says so.
pub(super) fn recognise(tree: &Tree) -> Option<(&'static str, &Path)> {
    SIGNS.iter().find_map(|sign| {
        let file = tree.files.iter().find(|file| {
            (sign.path)(&format!("/{}", file.display()))
                && sign.text.is_none_or(|words| tree.text(file).is_some_and(|text| text.contains(words)))
        })?;
        Some((sign.tool, file.as_path()))
    })
}

fn is_sql(path: &str) -> bool {
    ends(path, "sql")
}

fn ends(path: &str, end: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == end)
}

/// `V2__add_users.sql`.
fn is_flyway(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let version = name.strip_prefix('V').and_then(|rest| rest.split_once("__"));
    is_sql(path) && version.is_some_and(|(version, _)| version.starts_with(|c: char| c.is_ascii_digit()))
}
