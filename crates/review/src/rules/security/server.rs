//! What needs more rights than a migration should have, and what must not stand in one.

use crate::rule::prelude::*;
use switchback_sql::{Kind, tokens};

pub(super) const EXTENSION: Rule = Rule {
    code: "SR1009",
    name: "create-extension",
    severity: Severity::Warning,
    style: false,
    page: include_str!("create_extension.md"),
    look: Look::Statement(extension),
};

pub(super) const SUPERUSER: Rule = Rule {
    code: "SR1010",
    name: "superuser-statement",
    severity: Severity::Warning,
    style: false,
    page: include_str!("superuser_statement.md"),
    look: Look::Statement(superuser),
};

pub(super) const SECRET: Rule = Rule {
    code: "SR1011",
    name: "plaintext-secret",
    severity: Severity::Error,
    style: false,
    page: include_str!("plaintext_secret.md"),
    look: Look::Statement(secret),
};

/// Whoever may create in the database may make them (PostgreSQL manual, F, "trusted").
const TRUSTED: &[&str] = &[
    "bool_plperl",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "jsonb_plperl",
    "lo",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "plperl",
    "plpgsql",
    "pltcl",
    "seg",
    "tablefunc",
    "tcn",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
];

fn extension(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateExtension { name, if_not_exists, .. } = at.stmt else { return };
    if *if_not_exists && at.schema.has_extension(name) || name == "plpgsql" {
        return;
    }
    let trusted = at.script.options.version >= 13 && TRUSTED.contains(&name.as_str());
    let there = at.script.live.extensions.as_ref().is_some_and(|all| all.contains_key(name));
    let why = match (trusted, there) {
        (true, true) => "the role needs CREATE on the database",
        (true, false) => {
            "its files must be on every server that the migration meets, and the role needs CREATE on the database"
        }
        (false, _) => {
            "it needs a superuser (or the hoster's way), and its files on every server that the migration meets, those \
             of CI and of standbys too"
        }
    };
    let found = Found::new(format!("the extension `{name}` is made by a migration"), why);
    let found = if trusted { found.severity(Severity::Info) } else { found };
    out.push(at, found.help(
        "have whoever runs the servers make it everywhere before, and keep CREATE EXTENSION IF NOT EXISTS here, which \
         then does nothing",
    ));
}

fn superuser(at: &At<'_>, out: &mut Out<'_>) {
    let what = match at.stmt {
        Stmt::Copy { program: true, .. } => "COPY … PROGRAM runs a program on the server".to_owned(),
        Stmt::Copy { file: true, .. } => "COPY reads or writes a file of the server".to_owned(),
        Stmt::AlterSystem { variable } => format!("ALTER SYSTEM sets `{variable}` for the whole server"),
        Stmt::EventTrigger { name } => format!("the event trigger `{name}` is made or changed"),
        // `CREATE LANGUAGE plpython3u` makes the extension of that name.
        Stmt::CreateLanguage { name } | Stmt::CreateExtension { name, .. } if !is_trusted(name) => {
            format!("the untrusted language `{name}` is made")
        }
        Stmt::CreateFunction(made) if !is_trusted(&made.language) => {
            format!("the function `{}` is in the untrusted language `{}`", made.name, made.language)
        }
        Stmt::CreateTablespace { name } => format!("the tablespace `{name}` is made"),
        Stmt::Role { name, options, .. } => {
            let wanted = ["superuser", "issuperuser", "replication", "isreplication", "bypassrls"];
            let Some(option) = options.iter().find(|option| wanted.contains(&option.as_str())) else {
                return;
            };
            format!("the role `{name}` gets or loses {}", option.trim_start_matches("is").to_uppercase())
        }
        _ => return,
    };
    let found = Found::new(
        what,
        "it needs a superuser or a role that is as good as one: the migration fails where it runs without, and whoever \
         may run migrations rules the server where it runs with",
    );
    out.push(at, found.help("leave it to whoever runs the server; for data use COPY … FROM STDIN"));
}

fn is_trusted(language: &str) -> bool {
    let untrusted = language.starts_with("pl") && language.ends_with('u') && language.len() > 4;
    !untrusted && !matches!(language, "c" | "internal")
}

fn secret(at: &At<'_>, out: &mut Out<'_>) {
    let what = match at.stmt {
        Stmt::Role { name, password: true, .. } => {
            format!("the password of the role `{name}` stands in the migration")
        }
        Stmt::Subscription { name, password: true, .. } => {
            format!("a password stands in the connection of the subscription `{name}`")
        }
        Stmt::Foreign { password: true } => {
            "a password stands among the options of a foreign server".to_owned()
        }
        _ if is_key(at.text) => {
            "what looks like a key or a password stands in the migration as a text".to_owned()
        }
        _ => return,
    };
    let found = Found::new(
        what,
        "whoever reads the repository, the server's log or pg_stat_statements has it, today and from every old copy",
    );
    out.push(
        at,
        found.help(
            "take it out and change it; set it from a secret store by hand or by the tool that deploys",
        ),
    );
}

/// Texts by which well-known services' keys, private keys and passwords in addresses begin.
fn is_key(text: &str) -> bool {
    const BEGIN: &[&str] =
        &["sk_live_", "rk_live_", "AKIA", "ghp_", "github_pat_", "xoxb-", "glpat-", "-----BEGIN"];
    if !BEGIN.iter().any(|begin| text.contains(begin)) && !text.contains("://") && !text.contains("password=")
    {
        return false;
    }
    tokens(text).any(|token| {
        let inner = token.of(text).trim_start_matches(['e', 'E']).trim_matches('\'');
        matches!(token.kind, Kind::Text | Kind::EscapeText) && looks_secret(inner, BEGIN)
    })
}

fn looks_secret(text: &str, begin: &[&str]) -> bool {
    if text.starts_with("-----BEGIN") {
        return text.contains("PRIVATE KEY");
    }
    let key = begin.iter().any(|begin| {
        text.strip_prefix(begin).is_some_and(|rest| {
            rest.len() >= 12 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        })
    });
    key || in_address(text) || in_connection(text)
}

/// `scheme://user:password@host`.
fn in_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let Some((user, host)) = rest.split_once('@') else { return false };
    let plain =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+') && !user.contains('/');
    plain && !host.is_empty() && user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
}

/// `host=… password=…`.
fn in_connection(text: &str) -> bool {
    let password = text.split_whitespace().find_map(|part| part.strip_prefix("password="));
    password.is_some_and(|password| !password.is_empty())
        && (text.contains("host=") || text.contains("dbname="))
}
