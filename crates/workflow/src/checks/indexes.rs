//! Indexes that the server maintains and does not use: what a failed `CREATE INDEX CONCURRENTLY`
//! leaves (PostgreSQL manual, CREATE INDEX, "Building Indexes Concurrently"). A unique one holds for
//! none of the rows that were there before.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_postgres::catalog::Catalog;

use super::shared::names::listed;
use super::{Check, CheckCx, CheckResult, Sessions};

const NAME: &str = "indexes";

/// Keys are written as in [`Catalog`].
const SQL: &str = "
select format('index %I.%I', n.nspname, c.relname),
       format('%I.%I on %I.%I', n.nspname, c.relname, tn.nspname, t.relname)
       || case when not i.indisready then ' (not ready)' else '' end
  from pg_index i
  join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_class t on t.oid = i.indrelid join pg_namespace tn on tn.oid = t.relnamespace
 where not (i.indisvalid and i.indisready and i.indislive)
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by 1";

/// The check.
pub(super) struct Indexes;

#[async_trait(?Send)]
impl Check for Indexes {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, cx: &CheckCx<'_>, sessions: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let (mut new, mut old) = (Vec::new(), Vec::new());
        for row in sessions.rows(SQL).await? {
            let known = cx.before.is_none_or(|before| was_invalid(&before.catalog, row.get(0)));
            if known { &mut old } else { &mut new }.push(row.get(1));
        }
        let mut results = Vec::new();
        if !new.is_empty() {
            results.push(CheckResult::failed(NAME, format!("not valid: {}", listed(&new))));
        }
        if !old.is_empty() {
            let when = if cx.before.is_some() { "not valid, as before" } else { "not valid" };
            results.push(CheckResult::warning(NAME, format!("{when}: {}", listed(&old))));
        }
        if results.is_empty() {
            results.push(CheckResult::ok(NAME, "all are valid"));
        }
        Ok(results)
    }
}

fn was_invalid(before: &Catalog, key: &str) -> bool {
    let invalid = |line| matches!(line, "not valid" | "not ready" | "not live");
    before.objects.get(key).is_some_and(|definition| definition.lines().any(invalid))
}
