use serde_json::json;
use switchback_model::monitor::{Impact, LongTransaction, Replica, StatementCost, StatementImpact};
use switchback_model::{Failure, Plan, code};

use super::*;
use crate::testing::{Story, at, sample, waiter};

fn good() -> Papers {
    let story = Story::good();
    let mut papers = Papers::of(story.view());
    papers.events = story.events;
    papers.downtimes = vec![(at(42_500), at(64_300))];
    papers.samples = (0..60).map(|n| looked(n * 1_000)).collect();
    papers.schema = Schema {
        before: Some(objects(&[
            ("column public.users.name", "text\nnot null"),
            ("view public.v", "select 1"),
        ])),
        after: Some(objects(&[("column public.users.name", "text"), ("table public.new", "")])),
    };
    papers.tables.insert(
        "public.users".into(),
        TableRows { before: Some((7, "a".into())), after: Some((9, "b".into())) },
    );
    papers.tables.insert(
        "public.old".into(),
        TableRows { before: Some((7, "a".into())), after: Some((7, "a".into())) },
    );
    papers.impact = Some(impact());
    papers
}

fn looked(ms: i64) -> switchback_model::monitor::Sample {
    sample(ms, |sample| {
        sample.wal_bytes = u64::try_from(ms * 1_000).ok();
        sample.replicas = vec![Replica {
            name: "b".into(),
            state: "streaming".into(),
            lag_bytes: Some(77_000),
            lag_ms: None,
        }];
        if ms > 55_000 {
            sample.waiters = vec![waiter("app (web)", u64::try_from(ms - 55_000).unwrap())];
        }
        sample.long_transactions = vec![LongTransaction {
            pid: 12,
            database: "ada".into(),
            who: "report (psql)".into(),
            statement: "select count(*) from orders".into(),
            open_ms: 61_000,
        }];
    })
}

fn objects(list: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    list.iter().map(|(object, text)| ((*object).to_owned(), (*text).to_owned())).collect()
}

fn impact() -> Impact {
    let cost = |calls, mean_ms| Some(StatementCost { calls, mean_ms, total_ms: mean_ms * 10.0 });
    let statement =
        |query: &str, before, after| StatementImpact { query_id: 1, query: query.into(), before, after };
    Impact {
        missing: None,
        statements: vec![
            statement("select few", cost(5, 1.0), cost(5, 9.0)),
            statement("select slower", cost(500, 2.0), cost(50, 6.0)),
        ],
    }
}

use crate::papers::Schema;

fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, rest) =
        page.split_once(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no section {id}"));
    rest.split_once("</section>").unwrap().0
}

#[test]
fn a_good_run_is_told_in_one_sentence() {
    let page = report(&good());
    let verdict = page.split_once("<p class=\"verdict\">").unwrap().1.split_once("</p>").unwrap().0;
    assert_eq!(
        verdict,
        "The deploy of v1.5.0 to production succeeded; users saw no application for 21.8 s; no data was lost."
    );
    for id in [
        "what",
        "timeline",
        "way-back",
        "checks",
        "rows",
        "schema",
        "backup",
        "monitor",
        "performance",
        "warnings",
        "noted",
        "settings",
        "events",
    ] {
        assert!(!section(&page, id).is_empty());
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id} is not among the parts");
    }
    assert!(!page.contains("<section id=\"failure\""));
}

#[test]
fn a_run_that_was_taken_back_says_why_and_how() {
    let page = report(&Papers::of(Story::unwound().view()));
    assert!(page.contains("failed at “apply c21b add profiles” and was taken back"), "{page}");
    assert!(section(&page, "failure").contains("SB"));
    assert!(section(&page, "timeline").contains("The way back, last step first"));
    assert!(section(&page, "way-back").contains("Taken"));
    let stuck = report(&Papers::of(Story::stuck().view()));
    assert!(stuck.contains("needs a person") && stuck.contains("not decided yet"));
    assert!(section(&stuck, "next").contains("switchback resume"));
}

#[test]
fn writes_that_were_dropped_are_never_called_none() {
    let mut papers = Papers::of(Story::unwound().view());
    let step = papers.view.steps.iter_mut().find(|step| step.id == "restore_point").unwrap();
    let decision = json!({"way": "swap", "why": "a person agreed", "dropped": ["public.orders: 3 rows"]});
    step.notes.insert("way_back".into(), decision);
    let page = report(&papers);
    assert!(page.contains("1 kind of later writes was dropped, as agreed"), "{page}");
    assert!(
        !page.contains("no data was lost") && section(&page, "way-back").contains("public.orders: 3 rows")
    );
}

#[test]
fn differences_stand_side_by_side() {
    let page = report(&good());
    let schema = section(&page, "schema");
    assert!(schema.contains("1 added, 1 changed, 1 removed"), "{schema}");
    assert!(
        schema.contains("<pre>text<del>\nnot null</del></pre>") && schema.contains("<pre>text</pre>"),
        "{schema}"
    );
    assert!(section(&page, "rows").contains("+2") && section(&page, "rows").contains("1 of 2 tables"));
}

#[test]
fn what_the_monitor_saw_is_drawn_and_told() {
    let page = report(&good());
    let monitor = section(&page, "monitor");
    for wanted in [
        "aria-label=\"WAL written: 0 B at first, 59.0 MB at last, 59.0 MB at most\"",
        "AccessExclusiveLock on public.users",
        "session 99 of report (psql)",
        "session 12 of report (psql) in ada",
        "77.0 kB",
        "Longest wait",
    ] {
        assert!(monitor.contains(wanted), "no {wanted} in {monitor}");
    }
}

#[test]
fn performance_says_what_it_can_and_no_more() {
    let page = report(&good());
    let performance = section(&page, "performance");
    assert!(performance.contains("1 of 1 statements that can be compared became slower"), "{performance}");
    let (slower, few) =
        (performance.find("takes 3.0 times as long"), performance.find("not enough calls to say"));
    assert!(slower.unwrap() < few.unwrap(), "what is to be looked at first comes first");
    let mut papers = good();
    papers.impact = Some(Impact { missing: Some("it is not there".into()), statements: Vec::new() });
    assert!(section(&report(&papers), "performance").contains("it is not there"));
}

/// Every text that comes from outside, with markup in it.
#[test]
fn nothing_that_users_wrote_becomes_markup() {
    let evil = "<script>alert(1)</script>\" onload=\"x' </style><img src=x>";
    let mut papers = good();
    let run = &mut papers.view;
    run.plan = poisoned(&run.plan, evil);
    run.why = Some(Failure::new(code::MIGRATION_FAILED, evil).cause(evil).hint(evil).changed(evil));
    run.warnings = vec![evil.into()];
    for step in &mut run.steps {
        step.proof = Some(evil.into());
        step.undo_proof = Some(evil.into());
        step.notes.insert(evil.into(), json!({"k": evil}));
        step.undo_started_at = step.started_at;
    }
    let text =
        serde_json::to_string(&papers.samples).unwrap().replace("public.users", "</td><script>x</script>");
    papers.samples = serde_json::from_str(&text).unwrap();
    papers.schema.after.as_mut().unwrap().insert(evil.into(), evil.into());
    papers.tables.insert(evil.into(), TableRows::default());
    papers.unread = vec![evil.into()];
    papers.impact.as_mut().unwrap().statements[0].query = evil.into();
    papers.impact.as_mut().unwrap().missing = Some(evil.into());
    let page = report(&papers);
    assert!(page.matches("&lt;script&gt;").count() > 20, "the texts are not there");
    for markup in ["<script", "<img", " onload=\"", "</style><"] {
        // The sheet of styles ends once.
        let allowed = usize::from(markup == "</style><");
        assert_eq!(page.matches(markup).count(), allowed, "{markup}");
    }
}

fn poisoned(plan: &Plan, evil: &str) -> Plan {
    let mut plan = plan.clone();
    plan.pending[0].name = evil.into();
    plan.pending[0].path = evil.into();
    plan.environment = evil.into();
    plan.notes = vec![evil.into()];
    plan.settings = json!({ evil: evil });
    plan.steps.iter_mut().for_each(|step| step.title = evil.into());
    plan
}

#[test]
fn the_page_holds_everything_itself() {
    let page = report(&good());
    assert!(page.contains("default-src 'none'"));
    for outside in [" src=", "url(", "@import", "href=\"http", "<link", "<script"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    assert_eq!(
        page.matches("<svg").count(),
        page.matches(" role=\"img\"").count()
            + page
                .matches("<svg preserveAspectRatio=\"none\" viewBox=\"0 0 1000 14\" aria-hidden=\"true\"")
                .count()
    );
}
