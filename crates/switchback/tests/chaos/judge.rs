//! What is true when a case is over.

use std::time::{Duration, Instant};

use switchback_model::RunView;
use switchback_testkit::{State, TestCluster};

use crate::customer::{NAMES, Orders};
use crate::processes;
use crate::site::Site;

/// How long what ends by itself may take: backends, children, a restarted application.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was found.
pub(crate) struct Verdict {
    /// Acknowledged orders that are not there.
    pub(crate) lost: Vec<u64>,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
}

/// Looks at everything; of a host that is stuck only at the orders, wherever they are.
pub(crate) async fn look(
    site: &Site<'_>,
    wanted: &State,
    databases: &[String],
    orders: &Orders,
    stuck: bool,
    crashed: bool,
) -> Verdict {
    let mut wrong = Vec::new();
    let name = target(site).await;
    let session = {
        let url = site.host.cluster().url(&name);
        switchback_postgres::Session::connect(&url, "judge").await
    };
    let found = match &session {
        Ok(session) => orders.look(session).await,
        Err(refused) => {
            wrong.push(format!("nobody can look into {name}: {refused}"));
            crate::customer::Found { lost: Vec::new(), odd: Vec::new() }
        }
    };
    drop(session);
    wrong.extend(found.odd);
    if !stuck {
        wrong.extend(quiet(site).await);
        wrong.extend(strays(site, databases).await);
        wrong.extend(differences(site, wanted, crashed).await);
    }
    Verdict { lost: found.lost, wrong }
}

/// What the target is called now.
async fn target(site: &Site<'_>) -> String {
    let own = site.host.database().name().to_owned();
    let all = databases(site.host.cluster()).await;
    let fenced = all.iter().find(|name| name.starts_with(&format!("{own}_sb_"))).cloned();
    if all.contains(&own) { own } else { fenced.unwrap_or(own) }
}

/// The server's databases.
pub(crate) async fn databases(cluster: &TestCluster) -> Vec<String> {
    let session = cluster.session().await;
    let rows = session.rows("select datname::text from pg_database order by 1", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Waits for the end of what ends by itself, and says what does not.
async fn quiet(site: &Site<'_>) -> Vec<String> {
    let admin = site.host.cluster().session().await;
    let name = site.host.database().name();
    let sql = "select (select coalesce(string_agg(distinct application_name || ' in ' || datname, ', '), '') \
        from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend' \
        and (datname like $1 and application_name not in ('shop', '') or application_name like 'switchback%')) \
        || (select coalesce(string_agg(' lock ' || pid, ', '), '') from pg_locks where locktype = 'advisory')";
    let start = Instant::now();
    loop {
        let sessions: String = admin.one(sql, &[&format!("{name}%")]).await.unwrap().get(0);
        let processes = strange_processes(site);
        if sessions.is_empty() && processes.is_empty() {
            return Vec::new();
        }
        if start.elapsed() > PATIENCE {
            let mut left = processes;
            if !sessions.is_empty() {
                left.push(format!("sessions: {sessions}"));
            }
            return left.into_iter().map(|what| format!("left behind: {what}")).collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Who works in the host's folder and is neither its application nor that one's supervisor.
fn strange_processes(site: &Site<'_>) -> Vec<String> {
    let found = processes::inside(&site.host.path(".")).into_iter();
    let known = |words: &str| words.contains("app.py") || words.contains("supervise");
    found.filter(|(_, words)| !words.is_empty() && !known(words)).map(|(_, words)| words).collect()
}

/// Databases that a finished run does not keep.
async fn strays(site: &Site<'_>, before: &[String]) -> Vec<String> {
    let name = site.host.database().name();
    let kept =
        |other: &String| ["rp", "failed"].iter().any(|kind| other.starts_with(&format!("{name}_{kind}_")));
    let now = databases(site.host.cluster()).await;
    now.into_iter()
        .filter(|other| !before.contains(other) && !kept(other))
        .map(|other| format!("stray database {other}"))
        .collect()
}

/// Compares the host with what it should be. The application may be on its way up again.
async fn differences(site: &Site<'_>, wanted: &State, crashed: bool) -> Vec<String> {
    let start = Instant::now();
    loop {
        let mut found = wanted.differences(&site.host.state().await);
        // The orders are counted one by one; another host's commit is the same by content only.
        found.retain(|line| !NAMES.iter().any(|name| line.contains(&format!("\"table {name}\""))));
        found.retain(|line| !line.starts_with("commit: "));
        found.retain(|line| !(crashed && skipped(line)));
        if found.is_empty() || start.elapsed() > PATIENCE {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A server that crashed gives the numbers of a sequence from where its log says, which is up to 32 further
/// (`SEQ_LOG_VALS` in PostgreSQL's `sequence.c`): a gap, as every rollback makes them.
fn skipped(line: &str) -> bool {
    let number = |name: &str| -> Option<i64> {
        let rest = line.split_once(&format!("{name}: Some(\""))?.1;
        rest.split(',').next()?.parse().ok()
    };
    let further = number("after").zip(number("before")).map(|(after, before)| (after - before).abs());
    line.contains("\"sequence ") && further.is_some_and(|further| further <= 32)
}

/// How many orders a person agreed to lose, as the run's record says it.
pub(crate) fn agreed(run: &RunView) -> Option<usize> {
    let decision = run.steps.iter().find_map(|step| step.notes.get("way_back"))?;
    let dropped = decision.get("dropped")?.as_array()?;
    let line =
        dropped.iter().filter_map(|line| line.as_str()).find(|line| line.contains("public.orders:"))?;
    let mut numbers =
        line.rsplit(": ").next()?.split(|c: char| !c.is_ascii_digit()).filter(|text| !text.is_empty());
    let (was, is): (usize, usize) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    is.checked_sub(was)
}
