//! What a project knows of its findings: a baseline of old ones, what its configuration allows, other
//! tools' names of rules; and what nobody gets to see, the secrets in its scripts.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use switchback_testkit::{Host, Ran, Shape, cluster};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const FORMATS: [&str; 7] = ["text", "json", "sarif", "github", "gitlab", "markdown", "junit"];
const SQL: Shape = Shape {
    fence: "closed",
    restore_point: "clone",
    service: false,
    code: true,
    page: false,
    tool: "sql",
    migrations: "many",
};

/// A project: its configuration, and migrations in `m`.
struct Project {
    folder: TempDir,
}

impl Project {
    /// `review` stands behind `[review]`.
    fn new(review: &str, files: &[(&str, &str)]) -> Self {
        let project = Self { folder: TempDir::new().unwrap() };
        let text = format!("[migrations]\ntool = \"sql\"\ndirectory = \"m\"\n\n[review]\n{review}");
        project.write("switchback.toml", &text);
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.run_in(".", words)
    }

    /// In a folder of it.
    fn run_in(&self, folder: &str, words: &[&str]) -> Ran {
        let mut command = Command::new(PROGRAM);
        let output =
            command.current_dir(self.path(folder)).args(words).stdin(Stdio::null()).output().unwrap();
        Ran {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Reviews; the rules, files and lines of what is found, and the document.
    fn review(&self, words: &[&str]) -> (Vec<String>, Value) {
        let ran = self.run(&[&["review", "--format", "json"], words].concat());
        let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
        let findings = document["findings"].as_array().unwrap().iter().map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap();
            format!("{}:{} {}", text("file"), finding["line"], text("rule"))
        });
        (findings.collect(), document)
    }

    fn found(&self, words: &[&str]) -> Vec<String> {
        self.review(words).0
    }
}

const OLD: [(&str, &str); 2] = [
    ("m/1_users.sql", "create table users (id bigint primary key, age integer, email varchar(50));\n"),
    (
        "m/2_rewrite.sql",
        "-- it was night\nalter table users alter column age type bigint;\ncreate index i on users (email);\n",
    ),
];
const REWRITE: &str = "m/2_rewrite.sql:2 type-change-rewrite";

#[test]
fn a_baseline_leaves_out_what_is_of_old_and_nothing_else() {
    let project = Project::new("", &OLD);
    let before = project.found(&[]);
    assert!(before.contains(&REWRITE.to_owned()), "{before:?}");
    let written = project.run(&["review", "--write-baseline"]);
    assert_eq!(written.status, Some(0), "{}", written.stderr);
    assert!(written.stderr.contains("switchback-baseline.json is written: "), "{}", written.stderr);
    let (found, document) = project.review(&[]);
    assert_eq!((found, &document["summary"]["baseline"]), (vec![], &before.len().into()));
    // Lines, layout, case and comments are no part of a statement.
    let moved = "-- more\n\n\nALTER TABLE users\n  ALTER COLUMN age -- it ran out\n  TYPE bigint;\n\
                 create index i on users (email);\n";
    project.write("m/2_rewrite.sql", moved);
    assert_eq!(project.found(&[]), Vec::<String>::new());
    // The same once more is new, and so is it in another file, and another statement.
    project.write("m/2_rewrite.sql", &format!("{moved}create index i on users (email);\n"));
    let found = project.found(&[]);
    assert!(found.contains(&"m/2_rewrite.sql:8 create-index-blocking".to_owned()), "{found:?}");
    assert!(!found.iter().any(|found| found.starts_with("m/2_rewrite.sql:7 create-index")), "{found:?}");
    project.write("m/2_rewrite.sql", OLD[1].1);
    project.write("m/3_new.sql", "create index i on users (email);\ncreate index j on users (email);\n");
    let found = project.found(&[]);
    for line in [1, 2] {
        let wanted = format!("m/3_new.sql:{line} create-index-blocking");
        assert!(found.contains(&wanted), "{found:?}");
    }
}

#[test]
fn a_baseline_is_the_same_from_everywhere_and_every_time() {
    let project = Project::new("", &OLD);
    project.run(&["review", "--write-baseline"]);
    let first = project.text("switchback-baseline.json");
    assert!(first.ends_with("}\n") && first.lines().count() > 4, "{first}");
    assert!(first.contains("{\"file\": \"m/2_rewrite.sql\", \"code\": \"SR"), "{first}");
    let again = project.run_in("m", &["review", "--write-baseline", "../m"]);
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    assert_eq!(project.text("switchback-baseline.json"), first);
    assert_eq!(std::fs::read_dir(project.folder.path()).unwrap().count(), 3, "something is left over");
    // One file alone, by any of its names.
    let absolute = project.path("m/2_rewrite.sql").display().to_string();
    for (folder, file) in [(".", "m/2_rewrite.sql"), ("m", "./2_rewrite.sql"), (".", &absolute)] {
        let ran = project.run_in(folder, &["review", file]);
        assert_eq!(ran.status, Some(0), "{folder} {file}: {}", ran.stdout);
        assert!(ran.stdout.contains("of the baseline"), "{}", ran.stdout);
    }
    // What is written of one file leaves the entries of the others.
    project.write("m/3_new.sql", "create index j on users (age);\n");
    assert_eq!(project.run(&["review", "--write-baseline", "m/3_new.sql"]).status, Some(0));
    let more = project.text("switchback-baseline.json");
    assert!(more.contains("m/2_rewrite.sql") && more.contains("m/3_new.sql"), "{more}");
    assert_eq!(project.found(&[]), Vec::<String>::new());
}

#[test]
fn every_format_says_what_is_left_out() {
    let project = Project::new("", &OLD);
    let count = project.found(&[]).len().to_string();
    project.run(&["review", "--write-baseline"]);
    for format in FORMATS {
        let ran = project.run(&["review", "--format", format]);
        assert_eq!(ran.status, Some(0), "{format}: {}", ran.stderr);
        let said = if format == "gitlab" { &ran.stderr } else { &ran.stdout };
        assert!(said.to_lowercase().contains("baseline") && said.contains(&count), "{format}: {said}");
    }
}

#[test]
fn entries_that_match_nothing_are_said() {
    let project = Project::new("", &OLD);
    project.run(&["review", "--write-baseline"]);
    project.write("m/2_rewrite.sql", "create index concurrently i on users (email);\n");
    let (found, document) = project.review(&[]);
    let stale: Vec<&String> = found.iter().filter(|found| found.contains("unused-suppression")).collect();
    assert_eq!(stale.len(), 1, "{found:?}");
    assert!(stale[0].starts_with("switchback-baseline.json:4 "), "{stale:?}");
    let of = |finding: &&Value| finding["rule"] == "unused-suppression";
    let finding = document["findings"].as_array().unwrap().iter().find(of).unwrap().clone();
    assert_eq!(finding["severity"], "info");
    assert!(finding["message"].as_str().unwrap().contains("m/2_rewrite.sql"), "{finding}");
    // Of a file that is not asked about nothing is known.
    let about_one = project.found(&["m/1_users.sql"]);
    assert!(!about_one.iter().any(|found| found.contains("unused-suppression")), "{about_one:?}");
    // One that is gone altogether is found where everything is read.
    std::fs::remove_file(project.path("m/2_rewrite.sql")).unwrap();
    assert!(project.found(&[]).iter().any(|found| found.contains("unused-suppression")));
    project.run(&["review", "--write-baseline"]);
    assert_eq!(project.found(&[]), Vec::<String>::new());
    let text = project.text("switchback-baseline.json");
    assert!(!text.contains("2_rewrite"), "{text}");
}

#[test]
fn a_baseline_that_can_not_be_used_is_no_empty_one() {
    let project = Project::new("baseline = \"old/known.json\"\n", &OLD);
    for (text, why) in [
        (None, "is not there"),
        (Some("{\"version\": 1, \"fin"), "not all of it is there"),
        (Some("{\"version\": 2, \"findings\": []}"), "it has version 2, and this program reads 1"),
        (Some("{\"version\": 1, \"findings\": [{}]}"), "entry 1"),
    ] {
        if let Some(text) = text {
            project.write("old/known.json", text);
        }
        let ran = project.run(&["review"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(why) && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    let damaged = project.run(&["review", "--write-baseline"]);
    assert_eq!(damaged.status, Some(2), "what can't be read is not written over: {}", damaged.stderr);
    std::fs::remove_file(project.path("old/known.json")).unwrap();
    assert_eq!(project.run(&["review", "--write-baseline"]).status, Some(0));
    assert!(project.text("old/known.json").contains("SR"));
    assert_eq!(project.found(&[]), Vec::<String>::new());
}

#[test]
fn a_configuration_allows_by_rule_and_path_and_says_why() {
    let allow = |rules: &str, paths: &str, because: &str| {
        format!("\n[[review.allow]]\nrules = {rules}\npaths = {paths}\n{because}\n")
    };
    let because = "because = \"a maintenance window\"";
    let project = Project::new(&allow("[\"SR0201\", \"drop-index\"]", "[]", because), &OLD);
    let ran = project.run(&["review"]);
    assert!(ran.status == Some(2) && ran.stderr.contains("`drop-index`"), "{}", ran.stderr);
    for (because, why) in
        [("", "missing field `because`"), ("because = \" \"", "`because` is empty"), ("why = \"a\"", "`why`")]
    {
        let project = Project::new(&allow("[\"drop-table\"]", "[]", because), &OLD);
        let ran = project.run(&["review"]);
        assert_eq!(ran.status, Some(2), "{}", ran.stdout);
        assert!(ran.stderr.contains(why) && ran.stderr.contains("switchback.toml:"), "{}", ran.stderr);
    }
    let all = Project::new(&allow("[]", "[]", because), &OLD).run(&["review"]);
    assert!(all.status == Some(2) && all.stderr.contains("allows everything"), "{}", all.stderr);

    let rules = "[\"type-change-rewrite\"]";
    let project = Project::new(&allow(rules, "[\"m/2_*\"]", because), &OLD);
    project.write("m/3_more.sql", "alter table users alter column id type numeric;\n");
    let (found, document) = project.review(&[]);
    assert!(!found.contains(&REWRITE.to_owned()), "{found:?}");
    assert!(found.iter().any(|found| found.starts_with("m/3_more.sql:1 type-change-rewrite")), "{found:?}");
    assert_eq!(document["summary"]["allowed"], 1);
    assert!(project.run(&["review"]).stdout.contains("1 that the configuration allows"));
    let ran = project.run_in("m", &["review", "2_rewrite.sql"]);
    assert!(!ran.stdout.contains("type-change-rewrite"), "{}", ran.stdout);
}

#[test]
fn entries_that_allow_nothing_are_found_when_everything_was_read() {
    let review = "rules = { create-index-blocking = \"off\" }\n\n[[review.allow]]\nrules = [\"type-change-rewrite\"]\n\
                  because = \"a window\"\n\n[[review.allow]]\nrules = [\"drop-table\"]\nbecause = \"gone\"\n";
    let project = Project::new(review, &OLD);
    let (found, document) = project.review(&[]);
    let unused: Vec<&String> = found.iter().filter(|found| found.contains("unused-suppression")).collect();
    assert_eq!(unused, ["switchback.toml:12 unused-suppression"]);
    let text = document["findings"].to_string();
    assert!(text.contains("the configuration allows drop-table"), "{text}");
    let one = project.found(&["m/1_users.sql"]);
    assert!(!one.iter().any(|found| found.contains("unused-suppression")), "{one:?}");
    let off = review.replace("\"off\" }", "\"off\", unused-suppression = \"off\" }");
    let project = Project::new(&off, &OLD);
    assert!(!project.found(&[]).iter().any(|found| found.contains("unused-suppression")));
}

#[test]
fn names_of_other_tools_are_understood_and_said() {
    let project = Project::new("rules = { changing-column-type = \"off\", PG101 = \"info\" }\n", &OLD);
    let (found, document) = project.review(&[]);
    assert!(!found.contains(&REWRITE.to_owned()), "{found:?}");
    let index = document["findings"].as_array().unwrap().iter();
    let mut index = index.filter(|finding| finding["rule"] == "create-index-blocking");
    assert_eq!(index.next().unwrap()["severity"], "info");
    let ran = project.run(&["review"]);
    for hint in ["`changing-column-type` of squawk is `type-change-rewrite`", "`PG101` of Atlas is"] {
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    }
    // The rule's own name goes before another tool's.
    let rules = "rules = { changing-column-type = \"off\", type-change-rewrite = \"warning\" }\n";
    assert!(Project::new(rules, &OLD).found(&[]).contains(&REWRITE.to_owned()));
    let comment = format!("-- squawk-ignore changing-column-type\n{}", OLD[1].1.split_once('\n').unwrap().1);
    let project = Project::new("", &[OLD[0], ("m/2_rewrite.sql", &comment)]);
    assert!(!project.found(&[]).contains(&REWRITE.to_owned()));

    let page = project.run(&["explain", "ban-drop-column"]);
    assert!(page.stdout.starts_with("# drop-column\n"), "{}", page.stdout);
    assert!(page.stderr.contains("`ban-drop-column` of squawk is `drop-column` here"), "{}", page.stderr);
    let pages = project.run(&["explain", "e6"]);
    assert!(pages.stdout.starts_with("# create-index-blocking\n"), "{}", pages.stdout);
}

/// The table's name is known only when the revision runs.
#[test]
fn what_could_only_be_guessed_says_so() {
    let revision = "revision = 'a'\ndown_revision = None\n\ndef upgrade():\n    op.drop_column(settings.TABLE, 'age')\n    \
                    op.drop_column('users', 'age')\n    op.execute(f'drop table {settings.OTHER}')\n";
    let project = Project::new("", &[("p/a.py", revision)]);
    let (_, document) = project.review(&["p"]);
    let message = |line: u64, rule: &str| {
        let findings = document["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["line"] == line && finding["rule"] == rule);
        found.unwrap_or_else(|| panic!("{document}"))["message"].as_str().unwrap().to_owned()
    };
    for (line, rule, guessed) in
        [(5, "drop-column", true), (6, "drop-column", false), (7, "drop-table", true)]
    {
        let message = message(line, rule);
        assert_eq!(message.ends_with(", as far as it could be read"), guessed, "{message}");
    }
}

/// Whatever shows the statement, or its line.
#[test]
fn no_format_shows_a_secret() {
    let secret = format!("Qz{}-7x.k", std::process::id());
    let sql = format!(
        "create role app login superuser password '{secret}'; drop table users;\n\
         alter role app set search_path = 'a'; -- {secret}\n\
         alter table users add column hook text default 'https://u:{secret}@example.org' not null;\n\
         alter table users add column id2 bigserial, add column other text default '{secret}';\n"
    );
    let py = format!(
        "revision = 'a'\ndown_revision = None\n\ndef upgrade():\n    op.execute(\"ALTER ROLE app SUPERUSER PASSWORD '{secret}'\")\n"
    );
    let allowed = format!(
        "-- switchback: allow plaintext-secret because it is none\nALTER ROLE a PASWORD '{secret}';\n"
    );
    let files = [("m/2_role.sql", &*sql), ("m/3_wrong.sql", &*allowed), ("p/a.py", &*py)];
    let project = Project::new("all = true\n", &[&[OLD[0]], &files[..]].concat());
    for format in FORMATS {
        for words in [&["m"][..], &["p"], &["m", "--utf16"]] {
            let ran = project.run(&[&["review", "--format", format], words].concat());
            assert!(ran.status == Some(1), "{format}: {}", ran.stderr);
            assert!(ran.stdout.contains("plaintext-secret"), "{format}: {}", ran.stdout);
            for said in [&ran.stdout, &ran.stderr] {
                assert!(!said.contains(&secret[..secret.len() - 3]), "{format} {words:?}: {said}");
            }
        }
    }
    let text = project.run(&["review", "m"]).stdout;
    assert!(text.contains("create role app login superuser password '***'; drop table users;"), "{text}");
    // Nor does a baseline hold what it could be guessed from.
    project.run(&["review", "--write-baseline", "m"]);
    let before = project.text("switchback-baseline.json");
    project.write("m/2_role.sql", &sql.replace(&secret, "another-one-7"));
    assert_eq!(
        project.found(&["m/2_role.sql"]),
        Vec::<String>::new(),
        "the digest has the secret in it: {before}"
    );
}

/// What somebody said is in order, or of old, is nothing to be fixed.
#[test]
fn what_is_known_is_not_fixed() {
    let index = "create index i on users (email);\n";
    let project = Project::new("", &[OLD[0], ("m/2_index.sql", index)]);
    let fix = ["review", "--fix", "--unproven", "m/2_index.sql"];
    project.run(&["review", "--write-baseline"]);
    let known = project.run(&fix);
    assert!(known.stderr.contains("nothing to write"), "{}", known.stderr);
    assert_eq!(project.text("m/2_index.sql"), index);
    std::fs::remove_file(project.path("switchback-baseline.json")).unwrap();
    let fixed = project.run(&fix);
    assert!(project.text("m/2_index.sql").to_lowercase().contains("concurrently"), "{}", fixed.stderr);
}

#[test]
fn words_that_do_not_go_together_are_refused_with_the_way_out() {
    let project = Project::new("", &OLD);
    for words in [
        &["--write-baseline", "-e", "production"][..],
        &["--write-baseline", "-"],
        &["--write-baseline", "--base", "main"],
        &["--write-baseline", "-e", "production", "--record"],
        &["--write-baseline", "--stdin-filename", "m/3.sql"],
        &["--write-baseline", "--fail-on", "warning"],
        &["--write-baseline", "--fix", "m/2_rewrite.sql"],
        &["--accept", "because"],
        &["-e", "production", "--record", "m"],
        &["--release", "v2", "m"],
        &["--fail-on", "fatal"],
        &["--server-version", "9"],
    ] {
        let ran = project.run(&[&["review"], words].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{words:?}\n{}", ran.stderr);
        let ways = ["hint: ", "For more information", "Usage"];
        assert!(ways.iter().any(|way| ran.stderr.contains(way)), "{words:?}: {}", ran.stderr);
    }
    assert!(!project.path("switchback-baseline.json").exists());
}

/// The host's next release makes an index on a table, as its baseline knows already.
#[tokio::test]
async fn what_is_pending_counts_whatever_the_baseline_says() {
    let host = Host::new(cluster().await, PROGRAM, SQL).await;
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    let strict =
        text.replace("fence =", "requires = [\"review\"]\nreview = { missing-comment = \"error\" }\nfence =");
    let review = "\n[review]\nsafe_below = \"1B\"\n\n[[review.allow]]\nrules = [\"missing-comment\"]\n\
                  because = \"the wiki has them\"\n";
    host.write("switchback.toml", &format!("{strict}{review}"));
    let words = ["review", "-e", "production", "--release", "v2"];
    let found = host.expect(&[&words[..], &["--format", "json"]].concat(), 1);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let mut index = found["findings"].as_array().unwrap().iter();
    let index = index.find(|finding| finding["rule"] == "create-index-blocking").unwrap();
    // The file of the release that is not there yet, made the baseline.
    let file = format!("code/{}", index["file"].as_str().unwrap());
    host.write(&file, &format!("{};\n", index["statement"].as_str().unwrap()));
    host.expect(&["review", "--write-baseline", &file], 0);
    let known = host.expect(&["review", &file], 0);
    assert!(known.stdout.contains("of the baseline"), "{}", known.stdout);
    std::fs::remove_file(host.path(&file)).unwrap();
    let refused = host.expect(&[&words[..], &["--record"]].concat(), 1);
    assert!(refused.stdout.contains("create-index-blocking"), "{}", refused.stdout);
    for said in [
        "nothing was put on record",
        "of these findings stand in the baseline: what is pending is not of old",
    ] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    host.expect(&[&words[..], &["--record", "--accept", "nobody works at night"]].concat(), 0);
    let plan = host.expect(&["plan", "--release", "v2", "--format", "json"], 0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let notes = plan["notes"].to_string();
    for wanted in ["create-index-blocking", "nobody works at night"] {
        assert!(notes.contains(wanted), "no `{wanted}` in {notes}");
    }
    host.expect(&host.deploy(), 0);
}

/// An environment's levels go before the project's.
#[tokio::test]
async fn an_environment_has_levels_of_its_own() {
    let host = Host::new(cluster().await, PROGRAM, SQL).await;
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    let own = text.replace("fence =", "review = { PG101 = \"off\", drop-table = \"warning\" }\nfence =");
    // Below the size of every table here, and not so far below it that one counts as large.
    let rules = "rules = { drop-table = \"off\", drop-blocked = \"off\" }";
    let review = format!("\n[review]\nsafe_below = \"1KiB\"\n{rules}\n");
    host.write("switchback.toml", &format!("{own}{review}"));
    host.write("new.sql", "create index later on users (name);\ndrop table users;\n");
    let here = host.expect(&["review", "new.sql"], 1);
    assert!(
        here.stdout.contains("create-index-blocking") && !here.stdout.contains("] drop-table"),
        "{}",
        here.stdout
    );
    let there = host.expect(&["review", "-e", "production", "new.sql"], 0);
    assert!(there.stdout.contains("warning[SR0601] drop-table"), "{}", there.stdout);
    assert!(!there.stdout.contains("create-index-blocking"), "{}", there.stdout);
    assert!(there.stderr.contains("`PG101` of Atlas is `create-index-blocking` here"), "{}", there.stderr);
}
