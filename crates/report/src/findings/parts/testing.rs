//! Findings to be shown.

use std::collections::BTreeMap;

use switchback_model::Severity;
use switchback_model::finding::{Finding, Findings, Fix, FixStep, LockTaken};

use crate::findings::{Columns, Format, Reviewed, Rule, format, write};
use crate::theme::Theme;

/// A review that owns what it shows.
pub(in crate::findings) struct Sample {
    pub(in crate::findings) findings: Findings,
    pub(in crate::findings) files: Vec<String>,
    pub(in crate::findings) sources: BTreeMap<String, String>,
}

const ORDERS: &str = "-- orders know their customer\n\
    alter table orders\n  add constraint orders_customer foreign key (customer_id) references customers;\n\
    create index orders_customer on orders (customer_id);\n";
const DROP: &str = "/* 数据 🐘 */\talter table users drop column fax; -- gone\n";

impl Sample {
    /// Three findings in two of three files.
    pub(in crate::findings) fn some() -> Self {
        let sources = BTreeMap::from([
            ("migrations/0003_orders.sql".to_owned(), ORDERS.to_owned()),
            ("migrations/0004_fax.sql".to_owned(), DROP.to_owned()),
        ]);
        let findings = vec![foreign_key(), index(), dropped()];
        let files = ["migrations/0002_users.sql", "migrations/0003_orders.sql", "migrations/0004_fax.sql"];
        Self { findings: Findings::new(findings, 3), files: files.map(str::to_owned).to_vec(), sources }
    }

    /// Files in which nothing was found.
    pub(in crate::findings) fn nothing(files: usize) -> Self {
        let files: Vec<_> = (1..=files).map(|n| format!("{n}.sql")).collect();
        Self { findings: Findings::new(Vec::new(), files.len()), files, sources: BTreeMap::new() }
    }

    /// One finding.
    pub(in crate::findings) fn one(finding: Finding, text: &str) -> Self {
        let file = finding.file.to_string();
        let sources = BTreeMap::from([(file.clone(), text.to_owned())]);
        Self { findings: Findings::new(vec![finding], 1), files: vec![file], sources }
    }

    /// One file of so many statements with something between them, and a finding in each.
    pub(in crate::findings) fn many(n: usize, end: &str) -> Self {
        let statement = |n: usize| format!("alter table t{n} drop column fax");
        let text = (0..n).map(statement).collect::<Vec<_>>().join(&format!(";{end}"));
        let mut column = 1;
        let findings = (0..n).map(|n| {
            let statement = statement(n);
            let (line, start) = if end == "\n" { (n + 1, 1) } else { (1, column) };
            let ends = start + statement.len();
            column = ends + 2;
            at(
                Finding { statement: statement.into(), file: "many.sql".into(), ..dropped() },
                (line, start),
                (line, ends),
            )
        });
        let findings = Findings::new(findings.collect(), 1);
        let sources = BTreeMap::from([("many.sql".to_owned(), text)]);
        Self { findings, files: vec!["many.sql".to_owned()], sources }
    }

    /// On a terminal without colours.
    pub(in crate::findings) fn reviewed(&self) -> Reviewed<'_> {
        Reviewed {
            findings: &self.findings,
            files: &self.files,
            sources: &self.sources,
            rules: RULES,
            columns: Columns::Characters,
            theme: Theme { color: false, unicode: true },
            width: 90,
        }
    }

    /// In the form of this name.
    pub(in crate::findings) fn shown(&self, name: &str) -> String {
        let format: &Format = format(name).unwrap();
        write(format, &self.reviewed())
    }
}

const RULES: &[Rule<'_>] = &[
    Rule {
        code: "SR0999",
        name: "never-found",
        title: "Nothing",
        page: "# Nothing\n",
        severity: Severity::Info,
    },
    Rule {
        code: "SR0101",
        name: "add-fk-validated",
        title: "A foreign key is checked while writers wait",
        page: "# add-fk-validated\n\nA foreign key is checked while writers wait.\n",
        severity: Severity::Error,
    },
];

pub(in crate::findings) fn at(finding: Finding, start: (usize, usize), end: (usize, usize)) -> Finding {
    let ((line, column), (end_line, end_column)) = (start, end);
    Finding { line, column, end_line, end_column, ..finding }
}

pub(in crate::findings) fn foreign_key() -> Finding {
    Finding {
        code: "SR0101".into(),
        rule: "add-fk-validated".into(),
        severity: Severity::Error,
        file: "migrations/0003_orders.sql".into(),
        line: 2,
        column: 1,
        end_line: 3,
        end_column: 76,
        statement:
            "alter table orders\n  add constraint orders_customer foreign key (customer_id) references \
                    customers"
                .into(),
        message: "the foreign key `orders_customer` is checked while writers of both tables wait".into(),
        why: "every row of `orders` is looked up in `customers`; until that is done nobody writes to either"
            .into(),
        help: "add it `NOT VALID`, and validate it on its own".into(),
        fix: Some(Fix::new(
            "Add it without a check, then validate it",
            vec![
                FixStep::new(
                    "alter table orders\n  add constraint orders_customer foreign key (customer_id) \
                          references customers not valid",
                ),
                FixStep::new("alter table orders validate constraint orders_customer"),
            ],
        )),
        lock: Some(LockTaken {
            mode: "SHARE ROW EXCLUSIVE".into(),
            relation: "orders".into(),
            rewrite: false,
            scan: true,
        }),
    }
}

pub(in crate::findings) fn index() -> Finding {
    Finding {
        code: "SR0301".into(),
        rule: "create-index-blocking".into(),
        severity: Severity::Warning,
        line: 4,
        column: 1,
        end_line: 4,
        end_column: 53,
        statement: "create index orders_customer on orders (customer_id)".into(),
        message: "writers of `orders` wait until the index is built".into(),
        why: "`CREATE INDEX` holds SHARE until its end".into(),
        help: "".into(),
        fix: Some(Fix::new(
            "Build it while writers go on",
            vec![FixStep::outside("create index concurrently orders_customer on orders (customer_id)")],
        )),
        lock: Some(LockTaken { mode: "SHARE".into(), relation: "orders".into(), rewrite: false, scan: true }),
        ..foreign_key()
    }
}

/// What is found stands in the middle of a line, behind a tab and wide characters; its fix fits into
/// the statement's place.
pub(in crate::findings) fn dropped() -> Finding {
    Finding {
        code: "SR0501".into(),
        rule: "drop-column".into(),
        severity: Severity::Info,
        file: "migrations/0004_fax.sql".into(),
        line: 1,
        column: 30,
        end_line: 1,
        end_column: 45,
        statement: "alter table users drop column fax".into(),
        message: "`users.fax` and what is in it are gone".into(),
        why: "".into(),
        help: "take it out of the code first, and keep it a release longer".into(),
        fix: Some(Fix::new(
            "Fail early",
            vec![
                FixStep::new("set local lock_timeout = '1s'"),
                FixStep::along("alter table users drop column fax"),
            ],
        )),
        lock: Some(LockTaken {
            mode: "ACCESS EXCLUSIVE".into(),
            relation: "users".into(),
            rewrite: true,
            scan: true,
        }),
    }
}

/// Whatever could be put into a script, in every text of a finding.
pub(in crate::findings) fn hostile() -> Sample {
    let evil = "\u{1b}[31mred\u{9b}0m\u{1b}]0;title\u{7} ]]> 🐘 <b>&amp;\"'`|%0A::error::x\r\n\
                ::error file=a::injected, \u{202e}turned\u{0}\u{b}\u{fffe}, ``` </details> ${{ x }} ##[error]y";
    let file = format!("dir:1,2/{}.sql", evil.replace('/', "-"));
    let finding = Finding {
        code: "SR0666".into(),
        rule: "evil-rule".into(),
        severity: Severity::Error,
        file: file.clone().into(),
        statement: evil.into(),
        message: evil.into(),
        why: evil.into(),
        help: evil.into(),
        fix: Some(Fix::new(evil, vec![FixStep::outside(evil), FixStep::new(evil), FixStep::along(evil)])),
        lock: Some(LockTaken { mode: evil.into(), relation: evil.into(), rewrite: true, scan: true }),
        ..foreign_key()
    };
    Sample::one(at(finding, (1, 1), (2, 20)), evil)
}
