//! JUnit's XML: a suite a file, a case a finding; a file in which nothing was found passes as one case.
//!
//! A note passes too, and says what it has to say: it never fails a review, so it can't fail here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use switchback_model::Severity;
use switchback_model::finding::{Finding, Summary};

use super::Reviewed;
use super::parts::words;

pub(super) fn write(reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
    let suites = suites(reviewed);
    let all = suites.values().map(|findings| counts(findings));
    let (tests, failures) = all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="switchback review" tests="{tests}" failures="{failures}" errors="0">"#
    )?;
    // A suite may have properties, all suites together may not.
    let mut properties = properties(&reviewed.findings.summary);
    for (file, findings) in &suites {
        suite(out, file, findings, &std::mem::take(&mut properties))?;
    }
    writeln!(out, "</testsuites>")
}

/// The findings of every file that was read, by its path.
fn suites<'a>(reviewed: &Reviewed<'a>) -> BTreeMap<&'a str, Vec<&'a Finding>> {
    let mut suites: BTreeMap<_, _> = reviewed.files.iter().map(|file| (file.as_str(), Vec::new())).collect();
    for finding in &reviewed.findings.findings {
        suites.entry(&*finding.file).or_default().push(finding);
    }
    suites
}

/// Cases, and those of them that fail.
fn counts(findings: &[&Finding]) -> (usize, usize) {
    let failures = findings.iter().filter(|finding| fails(finding)).count();
    (findings.len().max(1), failures)
}

fn fails(finding: &Finding) -> bool {
    finding.severity > Severity::Info
}

fn suite(out: &mut dyn Write, file: &str, findings: &[&Finding], properties: &str) -> io::Result<()> {
    let (tests, failures) = counts(findings);
    let file = attribute(file);
    writeln!(
        out,
        r#"  <testsuite name="{file}" tests="{tests}" failures="{failures}" errors="0" skipped="0" time="0">"#
    )?;
    write!(out, "{properties}")?;
    if findings.is_empty() {
        writeln!(out, r#"    <testcase name="review" classname="{file}" file="{file}" time="0"/>"#)?;
    }
    for finding in findings {
        write!(out, "{}", case(finding, &file))?;
    }
    writeln!(out, "  </testsuite>")
}

/// How many findings were left out, where some were.
fn properties(summary: &Summary) -> String {
    let Summary { baseline, allowed, .. } = *summary;
    if baseline + allowed == 0 {
        return String::new();
    }
    let one = |name: &str, n: usize| format!("      <property name=\"{name}\" value=\"{n}\"/>\n");
    let (baseline, allowed) =
        (one("left-out-by-baseline", baseline), one("left-out-by-configuration", allowed));
    format!("    <properties>\n{baseline}{allowed}    </properties>\n")
}

fn case(finding: &Finding, file: &str) -> String {
    let name = format!("{} {} at {}:{}", finding.code, finding.rule, finding.line, finding.column);
    let mut out = format!(
        "    <testcase name=\"{}\" classname=\"{file}\" file=\"{file}\" line=\"{}\" time=\"0\">\n",
        attribute(&name),
        finding.line
    );
    let place = format!("{}:{}:{}", finding.file, finding.line, finding.column);
    let (message, body) = (attribute(&finding.message), text(&words::body(finding)));
    let (kind, place) = (words::level(finding.severity), text(&place));
    let _ = if fails(finding) {
        writeln!(out, "      <failure type=\"{kind}\" message=\"{message}\">{place}\n{body}</failure>")
    } else {
        writeln!(out, "      <system-out>{place}\n{kind}: {message}\n{body}</system-out>")
    };
    out.push_str("    </testcase>\n");
    out
}

/// The value of an attribute: one line.
fn attribute(value: &str) -> String {
    text(value).replace('\n', " ")
}

/// Text between tags or in quotes, without what XML can't hold (XML 1.0, 2.2).
fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in words::lines(value).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    if value.ends_with('\n') {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::findings::parts::testing::{Sample, hostile};

    #[test]
    fn a_suite_a_file_and_a_case_a_finding() {
        let text = Sample::some().shown("junit");
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="switchback review" tests="4" failures="2" errors="0">
          <testsuite name="migrations/0002_users.sql" tests="1" failures="0" errors="0" skipped="0" time="0">
            <testcase name="review" classname="migrations/0002_users.sql" file="migrations/0002_users.sql" time="0"/>
          </testsuite>
          <testsuite name="migrations/0003_orders.sql" tests="2" failures="2" errors="0" skipped="0" time="0">
            <testcase name="SR0101 add-fk-validated at 2:1" classname="migrations/0003_orders.sql" file="migrations/0003_orders.sql" line="2" time="0">
              <failure type="error" message="the foreign key `orders_customer` is checked while writers of both tables wait">migrations/0003_orders.sql:2:1
        lock: SHARE ROW EXCLUSIVE on orders, scanned
        why: every row of `orders` is looked up in `customers`; until that is done nobody writes to either
        help: add it `NOT VALID`, and validate it on its own
        fix: Add it without a check, then validate it (each in a transaction of its own)
            alter table orders
              add constraint orders_customer foreign key (customer_id) references customers not valid;
            alter table orders validate constraint orders_customer;
        </failure>
            </testcase>
            <testcase name="SR0301 create-index-blocking at 4:1" classname="migrations/0003_orders.sql" file="migrations/0003_orders.sql" line="4" time="0">
              <failure type="warning" message="writers of `orders` wait until the index is built">migrations/0003_orders.sql:4:1
        lock: SHARE on orders, scanned
        why: `CREATE INDEX` holds SHARE until its end
        fix: Build it while writers go on (outside of a transaction)
            create index concurrently orders_customer on orders (customer_id);
        </failure>
            </testcase>
          </testsuite>
          <testsuite name="migrations/0004_fax.sql" tests="1" failures="0" errors="0" skipped="0" time="0">
            <testcase name="SR0501 drop-column at 1:30" classname="migrations/0004_fax.sql" file="migrations/0004_fax.sql" line="1" time="0">
              <system-out>migrations/0004_fax.sql:1:30
        note: `users.fax` and what is in it are gone
        lock: ACCESS EXCLUSIVE on users, rewritten, scanned
        help: take it out of the code first, and keep it a release longer
        fix: Fail early (in one transaction)
            set local lock_timeout = '1s';
            alter table users drop column fax;
        </system-out>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
        well_formed(&text);
    }

    #[test]
    fn a_review_that_finds_nothing_has_passing_cases() {
        let text = Sample::nothing(2).shown("junit");
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="switchback review" tests="2" failures="0" errors="0">
          <testsuite name="1.sql" tests="1" failures="0" errors="0" skipped="0" time="0">
            <testcase name="review" classname="1.sql" file="1.sql" time="0"/>
          </testsuite>
          <testsuite name="2.sql" tests="1" failures="0" errors="0" skipped="0" time="0">
            <testcase name="review" classname="2.sql" file="2.sql" time="0"/>
          </testsuite>
        </testsuites>
        "#);
        well_formed(&text);
        well_formed(&Sample::nothing(0).shown("junit"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = hostile().shown("junit");
        let names = well_formed(&text);
        assert_eq!(names, ["testsuites", "testsuite", "testcase", "failure"], "{text}");
    }

    /// Reads it as XML 1.0 as far as it is used here, and gives the names of elements in their order.
    fn well_formed(text: &str) -> Vec<&str> {
        let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(allowed), "a character that XML can't hold: {text}");
        let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
        let (mut open, mut names) = (Vec::new(), Vec::new());
        while let Some((before, behind)) = rest.split_once('<') {
            entities(before);
            let (tag, behind) = behind.split_once('>').unwrap();
            rest = behind;
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{text}");
                continue;
            }
            let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            while let Some((key, value)) = attributes.trim_end_matches('/').split_once("=\"") {
                assert!(key.trim().bytes().all(|byte| byte.is_ascii_lowercase()), "{tag}");
                let (value, behind) = value.split_once('"').unwrap();
                entities(value);
                attributes = behind;
            }
            assert!(["", "/"].contains(&attributes.trim()), "{tag}");
            names.push(name);
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
        names
    }

    /// Every `&` begins one of the few entities, and `]]>` stands nowhere.
    fn entities(text: &str) {
        assert!(!text.contains('>') && !text.contains("]]>"), "{text}");
        for behind in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;"];
            assert!(known.iter().any(|entity| behind.starts_with(entity)), "{text}");
        }
    }
}
