//! What was written since the run last looked.

use switchback_engine::step::{Step, StepCx};
use switchback_model::Result;
use switchback_model::event::Unit;

use crate::checks::Facts;
use crate::steps::close::Close;
use crate::steps::maintenance::MaintenanceOn;
use crate::world::World;
use crate::{facts, files, target};

/// The target as it is now.
pub(super) async fn now(cx: &StepCx<'_, World>) -> Result<Facts> {
    let name = target::name_now(cx.world).await?;
    let mut hear = |done, total| cx.progress("looking what was written", done, total, Unit::Bytes);
    facts::read(cx.world, &name, cx.cancel, &mut hear).await
}

/// What differs from the target as it was validated (`validated`), else from the restore point;
/// the latter holds what the migrations themselves wrote too. With it the target as it is now.
pub(super) async fn since(cx: &StepCx<'_, World>, validated: bool) -> Result<(Vec<String>, Facts)> {
    let file = if validated { facts::AFTER } else { facts::BEFORE };
    let then: Facts = files::read_json(&cx.world.folder.join(file))?;
    let now = now(cx).await?;
    if !then.data.left_out.is_empty() {
        let names: Vec<_> = then.data.left_out.keys().cloned().collect();
        cx.warn(format!("not compared: {}", names.join(", ")));
    }
    let mut written: Vec<String> = Vec::new();
    for difference in then.data.diff(&now.data) {
        let name = bare(&difference.object);
        let rows = |side: &Facts| side.data.tables.get(name).map_or(0, |table| table.rows);
        let (was, is) = (rows(&then), rows(&now));
        let how = if was == is { "changed".to_owned() } else { format!("{was} → {is} rows") };
        written.push(format!("{}: {how}", difference.object));
    }
    if validated {
        let changed = then.catalog.diff(&now.catalog).into_iter();
        written.extend(changed.map(|difference| changed_line(&difference.object)));
    }
    Ok((written, now))
}

fn changed_line(object: &str) -> String {
    let what = if super::is_large_object(object) { "changed" } else { "its definition changed" };
    format!("{object}: {what}")
}

/// Whether all that was written was declared disposable, and nobody could have seen it: the page was
/// closed, and was seen closed after the start.
pub(super) fn is_disposable(cx: &StepCx<'_, World>, written: &[String]) -> Result<bool> {
    let environment = &cx.world.config.environment;
    let looks = environment.maintenance.as_ref().is_some_and(|page| page.closed_when.is_some());
    let opened = cx.log().view().step(Close::KIND).is_some_and(|step| step.started_at.is_some());
    let seen_open = crate::steps::health::page_seen_open(cx)?;
    if !looks || opened || seen_open || cx.state_of(MaintenanceOn::KIND).is_none() {
        return Ok(false);
    }
    Ok(written.iter().all(|line| {
        let object = line.rsplit_once(": ").map_or(line.as_str(), |(object, _)| object);
        environment.disposable.iter().any(|name| covers(name, object))
    }))
}

/// The name of an object without its kind: `table public.users` is `public.users`.
fn bare(object: &str) -> &str {
    object.split_once(' ').map_or(object, |(_, name)| name)
}

/// Whether a declared table covers an object: itself, or the sequence of one of its columns
/// (`table_column_seq`, as `serial` and identity name it).
fn covers(declared: &str, object: &str) -> bool {
    let object = bare(object);
    let declared = if declared.contains('.') { declared.to_owned() } else { format!("public.{declared}") };
    object == declared || object == format!("{declared}_id_seq")
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_declared_table_covers_itself_and_its_own_sequence() {
        assert!(covers("starts", "table public.starts"));
        assert!(covers("starts", "sequence public.starts_id_seq"));
        assert!(covers("app.starts", "table app.starts"));
        for other in ["table public.users", "table app.starts", "sequence public.starts_of_users_id_seq"] {
            assert!(!covers("starts", other), "{other}");
        }
    }
}
