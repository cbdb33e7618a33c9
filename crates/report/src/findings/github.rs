//! Annotations of a GitHub workflow: commands that the runner reads from the step's output.
//!
//! A command is one line. What stands in it can't end it, nor one of its properties, nor begin
//! another command.

use std::io::{self, Write};

use switchback_model::Severity;
use switchback_model::finding::Finding;

use super::Reviewed;
use super::parts::words;

pub(super) fn write(reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
    for finding in &reviewed.findings.findings {
        writeln!(out, "{}", command(finding))?;
    }
    // The runner shows a limited number of annotations a step; here all of them are counted.
    writeln!(out, "{}", words::summary(&reviewed.findings.summary))
}

fn command(finding: &Finding) -> String {
    let (command, title) = (name(finding.severity), format!("{} {}", finding.code, finding.rule));
    let text = format!("{}\n{}", words::line(&finding.message), words::body(finding));
    let file = property(words::path(finding));
    let (place, title, text) = (place(finding), property(&title), data(text.trim_end()));
    format!("::{command} file={file},{place},title={title}::{text}")
}

/// Columns stand only where both are of the same line: the runner drops others.
fn place(finding: &Finding) -> String {
    let (line, end) = (finding.line, finding.end_line.max(finding.line));
    if line == end {
        let (column, end_column) = (finding.column, finding.end_column.max(finding.column));
        format!("line={line},endLine={end},col={column},endColumn={end_column}")
    } else {
        format!("line={line},endLine={end}")
    }
}

fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "notice",
        other => other.name(),
    }
}

/// A text behind the second pair of colons; its lines are clean already.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(&words::lines(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use crate::findings::parts::testing::{Sample, hostile};

    #[test]
    fn an_annotation_is_one_line() {
        insta::assert_snapshot!(Sample::some().shown("github"), @r"
        ::error file=migrations/0003_orders.sql,line=2,endLine=3,title=SR0101 add-fk-validated::the foreign key `orders_customer` is checked while writers of both tables wait%0Alock: SHARE ROW EXCLUSIVE on orders, scanned%0Awhy: every row of `orders` is looked up in `customers`; until that is done nobody writes to either%0Ahelp: add it `NOT VALID`, and validate it on its own%0Afix: Add it without a check, then validate it (each in a transaction of its own)%0A    alter table orders%0A      add constraint orders_customer foreign key (customer_id) references customers not valid;%0A    alter table orders validate constraint orders_customer;
        ::warning file=migrations/0003_orders.sql,line=4,endLine=4,col=1,endColumn=53,title=SR0301 create-index-blocking::writers of `orders` wait until the index is built%0Alock: SHARE on orders, scanned%0Awhy: `CREATE INDEX` holds SHARE until its end%0Afix: Build it while writers go on (outside of a transaction)%0A    create index concurrently orders_customer on orders (customer_id);
        ::notice file=migrations/0004_fax.sql,line=1,endLine=1,col=30,endColumn=45,title=SR0501 drop-column::`users.fax` and what is in it are gone%0Alock: ACCESS EXCLUSIVE on users, rewritten, scanned%0Ahelp: take it out of the code first, and keep it a release longer%0Afix: Fail early (in one transaction)%0A    set local lock_timeout = '1s';%0A    alter table users drop column fax;
        1 error, 1 warning, 1 note in 3 files
        ");
        assert_eq!(Sample::nothing(2).shown("github"), "0 errors, 0 warnings, 0 notes in 2 files\n");
    }

    /// As the runner reads it: up to the second `::` properties at commas, each at its first `=`.
    fn read(line: &str) -> (Vec<(&str, String)>, String) {
        let unescape = |text: &str| {
            let text = text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%0D", "\r");
            text.replace("%25", "%")
        };
        let (head, data) = line.strip_prefix("::error ").unwrap().split_once("::").unwrap();
        let properties = head.split(',').map(|one| one.split_once('=').unwrap());
        (properties.map(|(name, value)| (name, unescape(value))).collect(), unescape(data))
    }

    #[test]
    fn nothing_gets_out_of_a_command() {
        let sample = hostile();
        let text = sample.shown("github");
        assert_eq!(text.lines().count(), 2, "{text}");
        let (properties, data) = read(text.lines().next().unwrap());
        let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["file", "line", "endLine", "title"]);
        assert!(properties[0].1.starts_with("dir:1,2/red"), "{properties:?}");
        assert!(data.starts_with("red0m ]]> 🐘 <b>&amp;\"'`|%0A::error::x"), "{data}");
    }
}
