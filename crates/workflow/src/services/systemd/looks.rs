//! What `doctor` says about the units: can they be stopped, blocked and started again, all of them?

use std::collections::BTreeSet;

use switchback_model::Result;

use super::control::{self, ROOT};
use super::unit::Unit;
use crate::examine::Look;

const TITLE: &str = "service";

pub(super) async fn looks(names: &[String], units: &[Unit]) -> Result<Vec<Look>> {
    let mut looks: Vec<Look> = units.iter().filter_map(look).collect();
    looks.extend(neighbours(names, units).await?);
    if !rustix::process::geteuid().is_root() {
        looks.push(
            Look::bad(TITLE, "drop-ins in /etc/systemd/system block starts, and only root writes there")
                .cure(ROOT),
        );
    }
    Ok(looks)
}

/// What stands in the way of one unit.
fn look(unit: &Unit) -> Option<Look> {
    let (name, id) = (&unit.name, unit.get("Id"));
    let bad = |what: String, cure: String| Some(Look::bad(TITLE, what).cure(cure));
    if unit.is_unknown() {
        return Some(Look::failed(TITLE, &unit.unknown()));
    }
    if unit.get("LoadState") == "masked" {
        return bad(
            format!("{name} is masked, so it could not be started again"),
            format!("systemctl unmask {name}, or leave it out of `units`"),
        );
    }
    if name.contains("@.") {
        return bad(
            format!("{name} is a template, and no unit"),
            "name its instances, one by one: systemctl list-units".into(),
        );
    }
    if !id.is_empty() && id != name {
        return bad(
            format!("{name} is another name of {id}"),
            format!("name {id} in [environments.NAME.service] units"),
        );
    }
    if unit.get("Transient") == "yes" || unit.get("UnitFileState") == "transient" {
        return bad(
            format!("{name} is transient: once stopped it is gone"),
            "write a unit file for it: systemctl edit --full --force NAME".into(),
        );
    }
    if unit.get("UnitFileState") == "generated" {
        return bad(
            format!("{name} is generated at boot, so nobody can say what it will be after one"),
            "write a unit file for it, or use manager = \"command\"".into(),
        );
    }
    if unit.needs_reload {
        let what = format!(
            "the files of {name} were changed since systemd read them; a run makes it read them again"
        );
        return Some(Look::note(TITLE, what).cure("look at the change, then: systemctl daemon-reload"));
    }
    None
}

/// Units that are not named and have a part in it all the same.
async fn neighbours(names: &[String], units: &[Unit]) -> Result<Vec<Look>> {
    let mut asked: BTreeSet<(String, &'static str, &str)> = BTreeSet::new();
    for unit in units {
        for (key, what) in [
            ("TriggeredBy", "starts"),
            ("Triggers", "is started by"),
            ("RequiredBy", "is stopped with"),
            ("BoundBy", "is stopped with"),
            ("ConsistsOf", "is stopped with"),
        ] {
            // `x@.service` stands for instances that come and go with connections.
            let others = unit
                .list(key)
                .filter(|other| !names.iter().any(|name| name == other) && !other.contains("@."));
            // A target wants everything, and does nothing itself.
            asked.extend(
                others
                    .filter(|other| !other.ends_with(".target"))
                    .map(|other| (other.to_owned(), what, unit.name.as_str())),
            );
        }
    }
    let others: Vec<String> = asked.iter().map(|(other, _, _)| other.clone()).collect();
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let seen = control::show(&others).await?;
    // One that only could start something, and is off, starts nothing; one that is started must be
    // named even when it is at rest.
    let matters = |what: &str, unit: &Unit| what == "is started by" || unit.is_wanted();
    Ok(asked
        .iter()
        .zip(seen)
        .filter(|((_, what, _), unit)| matters(what, unit))
        .map(|((other, what, name), _)| {
            Look::bad(TITLE, format!("{other} {what} {name} and is not named in `units`"))
                .cure(format!("add \"{other}\" to [environments.NAME.service] units"))
        })
        .collect())
}
