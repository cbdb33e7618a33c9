//! What other tools call the hazards that rules here are about: so that their comments, and the habits of
//! people who come from them, are understood.
//!
//! A name stands only for rules about what the tool itself sees. Where it says one thing of every change of
//! a type, and a rule here knows that this one loses values, whoever accepted the first did not accept
//! the second: such rules are left out (`type-change-lossy`, `type-change-narrowing`, `drop-cascade`).

use super::find;
use crate::rule::Rule;

/// A name in another tool, and the rules here that are about the same.
#[derive(Debug)]
pub struct Alias {
    /// Who says so.
    pub tool: &'static str,
    /// How.
    pub name: &'static str,
    /// Names of rules here.
    pub rules: &'static [&'static str],
}

/// What another tool means by a name. Names of rules here are none.
pub fn alias(name: &str) -> Option<&'static Alias> {
    let is = |alias: &&Alias| alias.name.eq_ignore_ascii_case(name);
    ALIASES.iter().find(is).filter(|_| find(name).is_none())
}

/// The rules that a name means: one of its own, or those of another tool's.
pub fn named(name: &str) -> Vec<&'static Rule> {
    let own = find(name).into_iter();
    let others = alias(name).into_iter().flat_map(|alias| alias.rules).filter_map(|rule| find(rule));
    own.chain(others).collect()
}

const fn of(tool: &'static str, name: &'static str, rules: &'static [&'static str]) -> Alias {
    Alias { tool, name, rules }
}

#[rustfmt::skip]
static ALIASES: &[Alias] = &[
    of("squawk", "adding-field-with-default", &["add-column-volatile-default", "add-column-identity", "add-column-generated-stored"]),
    of("squawk", "adding-foreign-key-constraint", &["add-fk-validated", "add-column-inline-fk"]),
    of("squawk", "adding-not-nullable-field", &["set-not-null"]),
    of("squawk", "adding-required-field", &["add-required-column"]),
    of("squawk", "adding-serial-primary-key-field", &["add-primary-key"]),
    of("squawk", "ban-add-enum-value", &["enum-no-down"]),
    of("squawk", "ban-alter-domain-with-add-constraint", &["alter-domain-add-constraint"]),
    of("squawk", "ban-alter-function-options", &["function-volatility-change"]),
    of("squawk", "ban-alter-role-options", &["alter-database-or-role-set", "role-locked-out"]),
    of("squawk", "ban-alter-row-level-security", &["disable-rls", "enable-rls-without-policy"]),
    of("squawk", "ban-alter-sequence-values", &["sequence-restart"]),
    of("squawk", "ban-alter-system-options", &["alter-system"]),
    of("squawk", "ban-char-field", &["char-type"]),
    of("squawk", "ban-concurrent-index-creation-in-transaction", &["concurrently-in-transaction"]),
    of("squawk", "ban-create-domain-with-constraint", &["create-domain-with-constraint"]),
    of("squawk", "ban-create-policy", &["restrictive-policy"]),
    of("squawk", "ban-detach-inheritance", &["detach-partition-blocking"]),
    of("squawk", "ban-disable-trigger", &["disable-trigger", "disable-rls"]),
    of("squawk", "ban-drop-column", &["drop-column"]),
    of("squawk", "ban-drop-constraint", &["drop-foreign-key", "drop-constraint", "drop-primary-key"]),
    of("squawk", "ban-drop-database", &["drop-database"]),
    of("squawk", "ban-drop-default", &["drop-default"]),
    of("squawk", "ban-drop-extension", &["drop-extension"]),
    of("squawk", "ban-drop-function", &["drop-function", "change-function-signature"]),
    of("squawk", "ban-drop-generated-expression", &["drop-identity-or-expression"]),
    of("squawk", "ban-drop-index", &["drop-index-blocking"]),
    of("squawk", "ban-drop-not-null", &["drop-not-null"]),
    of("squawk", "ban-drop-policy", &["drop-policy"]),
    of("squawk", "ban-drop-schema", &["drop-schema"]),
    of("squawk", "ban-drop-sequence", &["drop-sequence"]),
    of("squawk", "ban-drop-table", &["drop-partition", "drop-table"]),
    of("squawk", "ban-drop-trigger", &["drop-trigger"]),
    of("squawk", "ban-drop-type", &["drop-type"]),
    of("squawk", "ban-drop-view", &["drop-view", "drop-materialized-view"]),
    of("squawk", "ban-duplicate-column-assignments", &["duplicate-column-assignment"]),
    of("squawk", "ban-new-write-restriction", &["new-write-restriction"]),
    of("squawk", "ban-replace-view-function", &["replace-view-function"]),
    of("squawk", "ban-replica-identity", &["drop-publication", "replica-identity", "publication-change"]),
    of("squawk", "ban-revoke", &["drop-owned", "drop-role", "alter-owner", "revoke"]),
    of("squawk", "ban-set-default", &["set-default-change"]),
    of("squawk", "ban-set-schema", &["set-schema"]),
    of("squawk", "ban-truncate-cascade", &["truncate-cascade"]),
    of("squawk", "ban-uncommitted-transaction", &["uncommitted-transaction"]),
    of("squawk", "changing-column-type", &["type-change-rewrite", "type-change-using", "type-change-rebuilds-index", "type-change-timestamp-timezone"]),
    of("squawk", "constraint-missing-not-valid", &["add-fk-validated", "add-check-validated", "add-unique-constraint", "add-primary-key", "add-exclusion-constraint", "validate-in-same-transaction"]),
    of("squawk", "disallowed-unique-constraint", &["add-unique-constraint", "add-column-inline-unique"]),
    of("squawk", "prefer-bigint-over-int", &["int-primary-key", "int-foreign-key-or-column"]),
    of("squawk", "prefer-bigint-over-smallint", &["int-foreign-key-or-column"]),
    of("squawk", "prefer-identity", &["serial-type"]),
    of("squawk", "prefer-robust-stmts", &["missing-guard"]),
    of("squawk", "prefer-text-field", &["varchar-limit"]),
    of("squawk", "prefer-timestamp-tz", &["timestamp-without-timezone"]),
    of("squawk", "renaming-column", &["rename-column"]),
    of("squawk", "renaming-object", &["rename-schema", "rename-object", "rename-enum-value"]),
    of("squawk", "renaming-table", &["rename-table"]),
    of("squawk", "require-concurrent-index-creation", &["create-index-blocking"]),
    of("squawk", "require-concurrent-index-deletion", &["drop-index-blocking"]),
    of("squawk", "require-concurrent-partition-detach", &["detach-partition-blocking"]),
    of("squawk", "require-concurrent-reindex", &["reindex-blocking"]),
    of("squawk", "require-enum-value-ordering", &["enum-value-order"]),
    of("squawk", "require-lock-timeout", &["missing-lock-timeout"]),
    of("squawk", "require-statement-timeout", &["missing-statement-timeout"]),
    of("squawk", "require-table-schema", &["unqualified-object"]),
    of("eugene", "E1", &["add-fk-validated", "add-column-inline-fk", "add-check-validated", "add-column-inline-check"]),
    of("eugene", "E2", &["set-not-null"]),
    of("eugene", "E3", &["json-type"]),
    of("eugene", "E4", &["validate-in-same-transaction", "statement-after-access-exclusive", "ddl-and-dml-in-one-transaction", "wide-lock-window"]),
    of("eugene", "E5", &["type-change-rewrite", "type-change-using", "type-change-rebuilds-index", "type-change-timestamp-timezone"]),
    of("eugene", "E6", &["create-index-blocking"]),
    of("eugene", "E7", &["add-unique-constraint", "add-primary-key"]),
    of("eugene", "E8", &["add-exclusion-constraint"]),
    of("eugene", "E9", &["missing-lock-timeout"]),
    of("eugene", "E11", &["add-column-serial", "add-column-generated-stored"]),
    of("eugene", "W12", &["multiple-alter-table"]),
    of("eugene", "W13", &["create-enum"]),
    of("eugene", "W14", &["add-pk-using-index-nullable"]),
    of("Atlas", "BC101", &["rename-table"]),
    of("Atlas", "BC102", &["rename-column"]),
    of("Atlas", "CD101", &["drop-foreign-key"]),
    of("Atlas", "DS101", &["drop-schema"]),
    of("Atlas", "DS102", &["drop-partition", "drop-table"]),
    of("Atlas", "DS103", &["drop-column"]),
    of("Atlas", "MF101", &["add-unique-constraint", "unique-index-data-dependent"]),
    of("Atlas", "MF103", &["add-required-column"]),
    of("Atlas", "MF104", &["set-not-null"]),
    of("Atlas", "PG101", &["create-index-blocking"]),
    of("Atlas", "PG102", &["drop-index-blocking"]),
    of("Atlas", "PG103", &["concurrently-in-transaction", "concurrently-drop-in-transaction"]),
    of("Atlas", "PG104", &["add-primary-key"]),
    of("Atlas", "PG105", &["add-unique-constraint"]),
    of("Atlas", "PG110", &["data-alignment"]),
    of("Atlas", "PG301", &["type-change-rewrite", "type-change-timestamp-timezone"]),
    of("Atlas", "PG302", &["add-column-volatile-default"]),
    of("Atlas", "PG303", &["set-not-null"]),
    of("Atlas", "PG304", &["add-pk-using-index-nullable"]),
    of("Atlas", "PG305", &["add-check-validated"]),
    of("Atlas", "PG306", &["add-fk-validated"]),
    of("Atlas", "concurrent_index", &["create-index-blocking", "drop-index-blocking", "concurrently-in-transaction", "concurrently-drop-in-transaction"]),
    of("Atlas", "data_depend", &["add-unique-constraint", "unique-index-data-dependent", "add-required-column", "set-not-null"]),
    of("Atlas", "destructive", &["drop-schema", "drop-partition", "drop-table", "drop-column"]),
    of("Atlas", "incompatible", &["rename-table", "rename-column"]),
    of("strong_migrations", "add_check_constraint", &["add-check-validated"]),
    of("strong_migrations", "add_column_auto_incrementing", &["add-column-serial"]),
    of("strong_migrations", "add_column_default", &["add-column-volatile-default"]),
    of("strong_migrations", "add_column_json", &["json-type"]),
    of("strong_migrations", "add_foreign_key", &["add-fk-validated"]),
    of("strong_migrations", "add_index", &["create-index-blocking"]),
    of("strong_migrations", "add_index_columns", &["wide-index"]),
    of("strong_migrations", "add_reference", &["add-column-inline-fk"]),
    of("strong_migrations", "change_column", &["type-change-rewrite", "type-change-rebuilds-index", "type-change-timestamp-timezone"]),
    of("strong_migrations", "change_column_default", &["set-default-change"]),
    of("strong_migrations", "change_column_null_postgresql", &["set-not-null"]),
    of("strong_migrations", "remove_column", &["drop-column"]),
    of("strong_migrations", "remove_index", &["drop-index-blocking"]),
    of("strong_migrations", "validate_check_constraint", &["validate-in-same-transaction"]),
    of("strong_migrations", "validate_foreign_key", &["validate-in-same-transaction"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Live, Options, Script};

    #[test]
    fn every_name_stands_for_rules_and_none_is_a_rules_own() {
        for (number, one) in ALIASES.iter().enumerate() {
            assert!(find(one.name).is_none(), "{} is a rule's own name", one.name);
            assert!(!one.rules.is_empty(), "{}", one.name);
            for rule in one.rules {
                assert_eq!(find(rule).map(|found| found.name), Some(*rule), "of {}", one.name);
            }
            let again = ALIASES.iter().skip(number + 1);
            assert!(
                !again.into_iter().any(|other| other.name.eq_ignore_ascii_case(one.name)),
                "{}",
                one.name
            );
        }
        assert_eq!(named("DROP-COLUMN").len(), 1);
        assert_eq!(named("ds103")[0].name, "drop-column");
        assert!(named("ban-nothing").is_empty());
    }

    /// Whether nothing is found of a rule in a script.
    fn silent(rule: &str, text: &str) -> bool {
        let schema = Script { applied: true, ..Script::new("0.sql", SCHEMA) };
        let scripts = [schema, Script::new("1.sql", text)];
        let options = Options { pending_from: Some(1), ..Options::default() };
        let all = crate::review(&scripts, &options, &Live::default());
        !all.findings.iter().any(|found| found.rule == rule)
    }

    const SCHEMA: &str = "create table users (id bigint primary key, age int, email text, note varchar(20));";

    #[test]
    fn comments_of_other_tools_allow_what_they_name() {
        for (comment, statement, rule) in [
            ("-- squawk-ignore ban-drop-column", "alter table users drop column age", "drop-column"),
            (
                "-- squawk-ignore require-concurrent-index-creation, ban-drop-column",
                "create index i on users (age)",
                "create-index-blocking",
            ),
            (
                "-- squawk-ignore changing-column-type",
                "alter table users alter column age type bigint",
                "type-change-rewrite",
            ),
            ("-- atlas:nolint DS103", "alter table users drop column age", "drop-column"),
            ("-- atlas:nolint destructive", "drop table users", "drop-table"),
            ("-- atlas:nolint MF104", "alter table users alter column age set not null", "set-not-null"),
            (
                "-- eugene: ignore E5, E4",
                "alter table users alter column age type bigint",
                "type-change-rewrite",
            ),
            ("-- eugene: ignore", "create index i on users (age)", "create-index-blocking"),
            (
                "-- switchback: allow ban-drop-column because nobody reads it",
                "alter table users drop column age",
                "drop-column",
            ),
        ] {
            assert!(!silent(rule, &format!("{statement};")), "{statement}: nothing to allow");
            assert!(silent(rule, &format!("{comment}\n{statement};")), "{comment}");
            assert!(
                !silent(rule, &format!("{comment}\nselect 1;\n{statement};")),
                "{comment} reaches too far"
            );
        }
    }

    #[test]
    fn what_the_other_tool_does_not_see_stays() {
        let narrower = "alter table users alter column note type varchar(5);";
        assert!(!silent("type-change-narrowing", narrower));
        assert!(!silent(
            "type-change-narrowing",
            &format!("-- squawk-ignore changing-column-type\n{narrower}")
        ));
        let index = "-- squawk-ignore ban-drop-column\ncreate index i on users (age);";
        assert!(!silent("create-index-blocking", index));
    }
}
