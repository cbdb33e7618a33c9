//! Constraints that are not validated: the server did not look whether the rows obey them.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_postgres::catalog::Catalog;

use super::shared::names::listed;
use super::{Check, CheckCx, CheckResult, Sessions};

const NAME: &str = "constraints";

/// Keys are written as in [`Catalog`]. A foreign key of a partition comes with the one of its parent.
const SQL: &str = "
select format('constraint %I on %s%I.%I', k.conname, case when k.conrelid = 0 then 'domain ' else '' end,
              n.nspname, coalesce(c.relname, t.typname)),
       -- `NOT ENFORCED` is there from PostgreSQL 18 on.
       coalesce(to_jsonb(k) ->> 'conenforced', 'true')::bool
  from pg_constraint k
  left join pg_class c on c.oid = k.conrelid
  left join pg_type t on t.oid = k.contypid
  join pg_namespace n on n.oid = coalesce(c.relnamespace, t.typnamespace)
 where not k.convalidated and not (k.contype = 'f' and k.conparentid <> 0)
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by 1";

/// The check.
pub(super) struct Constraints;

#[async_trait(?Send)]
impl Check for Constraints {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, cx: &CheckCx<'_>, sessions: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let (mut new, mut old, mut declared) = (Vec::new(), Vec::new(), Vec::new());
        for row in sessions.rows(SQL).await? {
            let (key, enforced): (String, bool) = (row.get(0), row.get(1));
            match cx.before {
                Some(before) if !was_there(&before.catalog, &cx.after.catalog, &key) => {
                    let list =
                        if enforced || validated(&before.catalog, &key) { &mut new } else { &mut declared };
                    list.push(key);
                }
                _ => old.push(key),
            }
        }
        Ok(results(cx.before.is_some(), &new, &old, &declared))
    }
}

fn results(compared: bool, new: &[String], old: &[String], declared: &[String]) -> Vec<CheckResult> {
    let mut results = Vec::new();
    if !new.is_empty() {
        results.push(CheckResult::failed(NAME, format!("not validated: {}", listed(new))));
    }
    if !old.is_empty() {
        let when = if compared { "not validated, as before" } else { "not validated" };
        results.push(CheckResult::warning(NAME, format!("{when}: {}", listed(old))));
    }
    if !declared.is_empty() {
        results.push(CheckResult::warning(NAME, format!("declared as not enforced: {}", listed(declared))));
    }
    if results.is_empty() {
        results.push(CheckResult::ok(NAME, "all are validated"));
    }
    results
}

fn validated(before: &Catalog, key: &str) -> bool {
    before.objects.get(key).is_some_and(|definition| !is_unvalidated(definition))
}

/// Whether the restore point had it, not validated as now: by its name, or by its definition under a
/// name that is gone (it or its table was renamed).
fn was_there(before: &Catalog, after: &Catalog, key: &str) -> bool {
    if let Some(definition) = before.objects.get(key) {
        return is_unvalidated(definition);
    }
    let definition = after.objects.get(key);
    let renamed = |(old, text): (&String, &String)| {
        old.starts_with("constraint ") && Some(text) == definition && !after.objects.contains_key(old)
    };
    definition.is_some() && before.objects.iter().any(renamed)
}

fn is_unvalidated(definition: &str) -> bool {
    definition.lines().any(|line| line == "not validated")
}
