//! Privileges that are given and taken.

use crate::rule::prelude::*;

pub(super) const PUBLIC: Rule = Rule {
    code: "SR1002",
    name: "grant-to-public",
    severity: Severity::Warning,
    style: false,
    page: include_str!("grant_to_public.md"),
    look: Look::Statement(public),
};

pub(super) const REVOKE: Rule = Rule {
    code: "SR1003",
    name: "revoke",
    severity: Severity::Warning,
    style: false,
    page: include_str!("revoke.md"),
    look: Look::Statement(revoke),
};

pub(super) const DEFAULTS: Rule = Rule {
    code: "SR1013",
    name: "alter-default-privileges",
    severity: Severity::Warning,
    style: false,
    page: include_str!("alter_default_privileges.md"),
    look: Look::Statement(defaults),
};

fn is_public(role: &str) -> bool {
    role.eq_ignore_ascii_case("public")
}

fn named(grant: &switchback_sql::ast::Grant) -> String {
    let names: Vec<String> = grant.relations.iter().take(4).map(|name| format!("`{name}`")).collect();
    match (names.is_empty(), grant.all_in_schema, grant.kind) {
        (false, _, _) => names.join(", "),
        (_, true, _) => "everything in a schema".to_owned(),
        (_, _, Some(ObjectKind::Schema)) => "a schema".to_owned(),
        (_, _, Some(ObjectKind::Database)) => "a database".to_owned(),
        (_, _, Some(ObjectKind::Function | ObjectKind::Procedure)) => "a function".to_owned(),
        _ => "an object".to_owned(),
    }
}

fn roles(grant: &switchback_sql::ast::Grant) -> String {
    grant.to.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", ")
}

fn public(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Grant(grant) = at.stmt else { return };
    if grant.revoke || grant.kind == Some(ObjectKind::Role) {
        return;
    }
    let on = named(grant);
    if grant.to.iter().any(|role| is_public(role)) {
        let all = if grant.privileges.is_empty() {
            "every privilege".to_owned()
        } else {
            grant.privileges.join(", ").to_uppercase()
        };
        let found = Found::new(
            format!("{all} on {on} is granted to everybody"),
            "PUBLIC is every role of the server, those too that are made later",
        );
        out.push(at, found.help("grant what is needed to the roles that need it"));
    } else if grant.privileges.is_empty() {
        let found = Found::new(
            format!("every privilege on {on} is granted to {}", roles(grant)),
            "on tables that includes TRUNCATE, REFERENCES and TRIGGER, which few applications need",
        );
        out.push(
            at,
            found
                .severity(Severity::Info)
                .help("name the privileges that are needed: SELECT, INSERT, UPDATE, DELETE"),
        );
    }
}

fn revoke(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Grant(grant) = at.stmt else { return };
    let new = !grant.relations.is_empty() && grant.relations.iter().all(|name| at.is_new(name));
    let fresh = matches!(grant.kind, Some(ObjectKind::Function | ObjectKind::Procedure))
        && at
            .script
            .before_near(at.number)
            .any(|stmt| matches!(stmt, Stmt::CreateFunction(made) if !made.replace));
    let schema = grant.kind == Some(ObjectKind::Schema)
        && at
            .script
            .before_near(at.number)
            .any(|stmt| matches!(stmt, Stmt::CreateSchema { if_not_exists: false, .. }));
    if !grant.revoke || new || fresh || schema {
        return;
    }
    let what = if grant.kind == Some(ObjectKind::Role) {
        "the membership in a role".to_owned()
    } else {
        format!("privileges on {}", named(grant))
    };
    let found = Found::new(
        format!("{what} are taken from {}", roles(grant)).replace("role are", "role is"),
        "running code that still needs them gets `permission denied` from the commit on",
    );
    out.push(at, found.help("take them one release after the last code that needs them has gone"));
}

fn defaults(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::DefaultPrivileges(grant) = at.stmt else { return };
    let (does, to) = if grant.revoke { ("are not granted", "to") } else { ("are granted", "to") };
    let found = Found::new(
        format!("privileges on objects that are made later {does} {to} {}", roles(grant)),
        "it holds for objects that the role makes that runs this, or that is named in it, and for no other; what is \
         there already stays as it is, and nobody sees in a later migration who may read its tables",
    );
    out.push(at, found.help("grant at each table where it is made; where it is meant as it stands, say FOR ROLE and IN SCHEMA"));
}
