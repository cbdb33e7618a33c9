//! A comment on a pull request: a table a file, and below them each finding with its SQL.
//!
//! A comment has a limit. What does not fit is counted, and errors are the last to be left out.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::{self, Write};

use switchback_model::Severity;
use switchback_model::finding::{Finding, Summary};

use super::Reviewed;
use super::parts::{fix, words};
use crate::markdown::{code, fenced, prose, table};
use crate::text::{clean, count};

/// By this line a later comment finds the one that it replaces.
const MARK: &str = "<!-- switchback review -->";
/// GitHub takes 65,536 characters.
const MOST: usize = 60_000;
/// So much of it the tables may take.
const TABLES: usize = 30_000;
/// Longer statements are cut: the file has them.
const STATEMENT: usize = 2_000;

pub(super) fn write(reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
    let findings = &reviewed.findings.findings;
    let mut page = format!("{MARK}\n### Review: {}\n", headline(&reviewed.findings.summary));
    let listed = tables(&mut page, findings);
    let detailed = details(&mut page, findings);
    if listed < findings.len() || detailed < findings.len() {
        let all = findings.len();
        let _ = write!(
            page,
            "\nOf {all} findings, {listed} are in the tables and {detailed} below them: more does not fit \
             into a comment. `switchback review` shows all.\n"
        );
    }
    out.write_all(page.as_bytes())
}

fn headline(summary: &Summary) -> String {
    match (summary.error + summary.warning + summary.info, summary.files) {
        (0, 0) => "no file was read".to_owned(),
        (0, files) => format!("nothing found in {}{}", count(files, "file"), words::left_out(summary)),
        _ => words::summary(summary),
    }
}

/// Writes a table a file, and says how many findings are in them.
fn tables(page: &mut String, findings: &[Finding]) -> usize {
    let mut listed = 0;
    let least = least(findings);
    for group in findings.chunk_by(|one, next| one.file == next.file) {
        let mut rows = Vec::new();
        let mut size = page.len();
        for finding in group.iter().filter(|finding| finding.severity >= least) {
            let row = row(finding);
            size += row.iter().map(|cell| cell.len() + 3).sum::<usize>();
            if size > TABLES {
                break;
            }
            rows.push(row);
        }
        if !rows.is_empty() {
            listed += rows.len();
            let _ = write!(page, "\n#### {}\n\n", code(words::path(&group[0])));
            table(page, &["", "line", "rule", "what", "lock"], rows.into_iter());
        }
    }
    listed
}

/// The least weight with which all findings fit into the tables; errors, where nothing else does.
fn least(findings: &[Finding]) -> Severity {
    let fits = |least: &Severity| {
        let kept = findings.iter().filter(|finding| finding.severity >= *least);
        // A path and a head for each row is more than there will be.
        let sizes = kept.map(|finding| finding.file.len() + finding.message.len() + 150);
        let mut room = TABLES;
        sizes.into_iter().all(|size| {
            room = room.saturating_sub(size);
            room > 0
        })
    };
    [Severity::Info, Severity::Warning].into_iter().find(fits).unwrap_or(Severity::Error)
}

fn row(finding: &Finding) -> Vec<String> {
    let level = match finding.severity {
        Severity::Info => "note".to_owned(),
        other => format!("**{}**", words::level(other)),
    };
    let lock = finding.lock.as_ref().map(words::lock).unwrap_or_default();
    let rule = format!("{} {}", code(&finding.rule), clean(&finding.code));
    vec![level, finding.line.to_string(), rule, line(&finding.message), line(&lock)]
}

/// A sentence in one line.
fn line(text: &str) -> String {
    prose(&words::line(text))
}

/// Writes each finding with its SQL, the heaviest first, and says how many fitted.
fn details(page: &mut String, findings: &[Finding]) -> usize {
    let mut ordered: Vec<_> = findings.iter().collect();
    ordered.sort_by_key(|finding| Reverse(finding.severity));
    for (n, finding) in ordered.iter().enumerate() {
        let detail = detail(finding);
        if page.len() + detail.len() > MOST {
            return n;
        }
        page.push_str(&detail);
    }
    ordered.len()
}

fn detail(finding: &Finding) -> String {
    let place = format!("{}:{}", words::path(finding), finding.line);
    let (level, code) = (words::level(finding.severity), html(&finding.code));
    let summary =
        format!("{level} {code} <code>{}</code> at <code>{}</code>", html(&finding.rule), html(&place));
    let mut out = format!("\n<details><summary>{summary}</summary>\n\n{}\n", line(&finding.message));
    if !finding.statement.is_empty() {
        let _ = write!(out, "\n{}", fenced("sql", &beginning(&finding.statement)));
    }
    for text in [&finding.why, &finding.help].into_iter().filter(|text| !text.is_empty()) {
        let _ = write!(out, "\n{}\n", prose(text));
    }
    if let Some(fix) = &finding.fix {
        let _ = write!(out, "\n**{}**\n\n{}", line(&fix::title(fix)), fenced("sql", &fix::sql(fix)));
    }
    out.push_str("\n</details>\n");
    out
}

/// A statement up to a length at which nobody reads on.
fn beginning(statement: &str) -> String {
    if statement.len() <= STATEMENT {
        return statement.to_owned();
    }
    format!("{}\n-- …", &statement[..statement.floor_char_boundary(STATEMENT)])
}

/// In a line of HTML nothing is Markdown.
fn html(text: &str) -> String {
    words::line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::parts::testing::{Sample, dropped, foreign_key, hostile, index};
    use switchback_model::finding::Findings;

    #[test]
    fn a_comment_has_a_table_a_file_and_the_sql_below() {
        insta::assert_snapshot!(Sample::some().shown("markdown"), @r"
        <!-- switchback review -->
        ### Review: 1 error, 1 warning, 1 note in 3 files

        #### `migrations/0003_orders.sql`

        |  | line | rule | what | lock |
        |---|---|---|---|---|
        | **error** | 2 | `add-fk-validated` SR0101 | the foreign key `orders_customer` is checked while writers of both tables wait | SHARE ROW EXCLUSIVE on orders, scanned |
        | **warning** | 4 | `create-index-blocking` SR0301 | writers of `orders` wait until the index is built | SHARE on orders, scanned |

        #### `migrations/0004_fax.sql`

        |  | line | rule | what | lock |
        |---|---|---|---|---|
        | note | 1 | `drop-column` SR0501 | `users.fax` and what is in it are gone | ACCESS EXCLUSIVE on users, rewritten, scanned |

        <details><summary>error SR0101 <code>add-fk-validated</code> at <code>migrations/0003_orders.sql:2</code></summary>

        the foreign key `orders_customer` is checked while writers of both tables wait

        ```sql
        alter table orders
          add constraint orders_customer foreign key (customer_id) references customers
        ```

        every row of `orders` is looked up in `customers`; until that is done nobody writes to either

        add it `NOT VALID`, and validate it on its own

        **Add it without a check, then validate it (each in a transaction of its own)**

        ```sql
        alter table orders
          add constraint orders_customer foreign key (customer_id) references customers not valid;
        alter table orders validate constraint orders_customer;
        ```

        </details>

        <details><summary>warning SR0301 <code>create-index-blocking</code> at <code>migrations/0003_orders.sql:4</code></summary>

        writers of `orders` wait until the index is built

        ```sql
        create index orders_customer on orders (customer_id)
        ```

        `CREATE INDEX` holds SHARE until its end

        **Build it while writers go on (outside of a transaction)**

        ```sql
        create index concurrently orders_customer on orders (customer_id);
        ```

        </details>

        <details><summary>note SR0501 <code>drop-column</code> at <code>migrations/0004_fax.sql:1</code></summary>

        `users.fax` and what is in it are gone

        ```sql
        alter table users drop column fax
        ```

        take it out of the code first, and keep it a release longer

        **Fail early (in one transaction)**

        ```sql
        set local lock_timeout = '1s';
        alter table users drop column fax;
        ```

        </details>
        ");
    }

    #[test]
    fn a_good_review_is_one_line() {
        let text = Sample::nothing(2).shown("markdown");
        assert_eq!(text, "<!-- switchback review -->\n### Review: nothing found in 2 files\n");
        assert!(Sample::nothing(0).shown("markdown").ends_with("no file was read\n"));
    }

    #[test]
    fn nothing_gets_out_of_its_place() {
        let text = hostile().shown("markdown");
        let row = text.lines().find(|line| line.starts_with("| **error**")).unwrap();
        let ends = row.match_indices('|').filter(|(at, _)| !row[..*at].ends_with('\\')).count();
        assert_eq!(ends, 6, "{row}");
        // Outside of the blocks, HTML is ours alone.
        let mut fence = None;
        let mut ours = 0;
        for line in text.lines() {
            let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
            match fence {
                None if ticks.len() >= 3 => fence = Some(ticks),
                Some(open) if ticks == open && line == open => fence = None,
                None => {
                    ours += usize::from(line.starts_with("</details>"));
                    assert!(!line.contains("<b>") && !line.contains(" </details>"), "{line}");
                }
                Some(_) => {}
            }
        }
        assert_eq!((fence, ours), (None, 1), "{text}");
    }

    fn many(severities: &[(usize, Finding)]) -> (Sample, String) {
        let mut sample = Sample::some();
        let all = severities.iter().flat_map(|(n, finding)| std::iter::repeat_n(finding.clone(), *n));
        sample.findings = Findings::new(all.collect(), 3);
        let text = sample.shown("markdown");
        (sample, text)
    }

    #[test]
    fn what_does_not_fit_is_counted_and_errors_stay() {
        let (_, text) = many(&[(2000, dropped()), (400, index()), (3, foreign_key())]);
        assert!(text.len() < 65_536 && text.contains("2000 notes"), "{}", text.len());
        assert_eq!(text.matches("\n| **error** |").count(), 3);
        assert_eq!(text.matches("<summary>error ").count(), 3);
        let last = text.lines().last().unwrap();
        let (rows, details) = (text.matches("\n| ").count(), text.matches("<details>").count());
        let heads = text.matches("\n|  | line").count();
        assert!(
            last.starts_with(&format!(
                "Of 2403 findings, {} are in the tables and {details} below",
                rows - heads
            )),
            "{last}"
        );

        let (_, text) = many(&[(3000, foreign_key())]);
        assert!(text.len() < 65_536 && text.contains("more does not fit"), "{}", text.len());
    }

    #[test]
    fn a_long_statement_is_cut() {
        let statement = format!("insert into a values {}", "(1, '🐘'), ".repeat(1000));
        let text = Sample::one(Finding { statement: statement.into(), ..dropped() }, "").shown("markdown");
        assert!(text.contains("\n-- …\n```\n") && text.len() < 4000, "{text}");
    }
}
