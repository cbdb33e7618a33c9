//! The target's place in the course of a run: under its own name, or behind the fence.

use switchback_model::config::FenceKind;
use switchback_model::{Failure, Result, code};
use switchback_postgres::settings::DatabaseSettings;
use switchback_postgres::{Session, fence, server};

use crate::steps::record;
use crate::world::World;

/// The name that the target has now.
///
/// # Errors
/// [`code::EFFECT_UNCLEAR`] where both names are there or none.
pub async fn name_now(world: &World) -> Result<String> {
    let names = &world.names;
    let (open, fenced) = (world.database(&names.target).await?, world.database(&names.fenced).await?);
    match (open, fenced) {
        (Some(_), None) => Ok(names.target.clone()),
        (None, Some(_)) => Ok(names.fenced.clone()),
        (Some(_), Some(_)) => {
            Err(unclear(world, "both are there: somebody made a new database while the fence was up"))
        }
        (None, None) => Err(unclear(world, "none is there")),
    }
}

fn unclear(world: &World, what: &str) -> Failure {
    let names = &world.names;
    Failure::new(
        code::EFFECT_UNCLEAR,
        format!("the target is `{}` or `{}`, and {what}", names.target, names.fenced),
    )
    .hint(format!("list them: psql '{}' -c '\\l'", world.config.maintenance_url.for_psql()))
}

/// Keeps everybody else out. Safe to repeat.
///
/// # Errors
/// [`code::FENCE`].
pub async fn close(world: &World) -> Result<()> {
    let admin = world.admin().await?;
    let names = &world.names;
    match world.config.environment.fence {
        FenceKind::Closed => {
            let name = name_now(world).await?;
            // Its other name is no secret: whoever lists the databases finds it.
            fence::admit_only(&admin, &name, &world.roles().await?).await?;
            let Some(target) = server::database(&admin, &names.target).await? else {
                // Behind the fence already; a crash may have left its door shut for us too.
                return fence::allow_connections(&admin, &name, true).await;
            };
            fence::rename(&admin, &[(target.oid, &names.target, &names.fenced)], true).await
        }
        FenceKind::ReadOnly => {
            fence::default_read_only(&admin, &names.target, true).await?;
            // Sessions take a new default only when they begin.
            end_others(world).await
        }
    }
}

/// Ends every session in the target that is not ours.
///
/// # Errors
/// [`code::FENCE`].
pub async fn end_others(world: &World) -> Result<()> {
    let admin = world.admin().await?;
    let name = name_now(world).await?;
    let Some(target) = server::database(&admin, &name).await? else { return Ok(()) };
    let ours = world.application();
    fence::end_sessions(&admin, target.oid, |backend| backend.application != ours).await.map(drop)
}

/// Lets everybody in again. Safe to repeat.
///
/// # Errors
/// [`code::FENCE`].
pub async fn lift(world: &World) -> Result<()> {
    let admin = world.admin().await?;
    let names = &world.names;
    match world.config.environment.fence {
        FenceKind::Closed => {
            let Some(fenced) = server::database(&admin, &names.fenced).await? else {
                let open = name_now(world).await?;
                return fence::allow_connections(&admin, &open, true).await;
            };
            name_now(world).await?;
            // Nobody is let in before the target has its own name again.
            fence::allow_connections(&admin, &names.fenced, false).await?;
            admit_again(world, &admin).await?;
            fence::rename(&admin, &[(fenced.oid, &names.fenced, &names.target)], true).await
        }
        FenceKind::ReadOnly => fence::default_read_only(&admin, &names.target, false).await,
    }
}

/// Gives the fenced target the privileges that it had. What the server refuses is tried again, and
/// told, by [`record::settings_again`] under the target's own name.
async fn admit_again(world: &World, admin: &Session) -> Result<()> {
    let Ok(recorded) = record::settings(world) else { return Ok(()) };
    let now = DatabaseSettings::read(admin, &world.names.fenced).await?;
    let wanted = DatabaseSettings { privileges: recorded.privileges, ..now };
    match wanted.apply(admin, &world.names.fenced).await {
        Err(failure) if failure.code != code::METADATA => Err(failure),
        _ => Ok(()),
    }
}

/// Looks, from a new session, whether the fence is up; says what it saw.
///
/// # Errors
/// [`code::FENCE`] where it is not.
pub async fn look_closed(world: &World) -> Result<String> {
    let names = &world.names;
    if world.config.environment.fence == FenceKind::ReadOnly {
        let session = world.session(&names.target).await?;
        let on: String = session.one("show default_transaction_read_only", &[]).await?.get(0);
        return if on == "on" {
            Ok("new sessions read only".into())
        } else {
            Err(open_still("new sessions can write"))
        };
    }
    match world.session(&names.target).await {
        Err(failure) if failure.code == code::DATABASE_MISSING => {}
        Err(failure) => return Err(failure),
        Ok(_) => return Err(open_still("a new session was let in")),
    }
    let fenced =
        world.database(&names.fenced).await?.ok_or_else(|| open_still("it is not behind the fence"))?;
    let others = server::backends(&*world.admin().await?, fenced.oid).await?;
    let others = others.iter().filter(|backend| backend.application != world.application()).count();
    if others > 0 {
        return Err(open_still("somebody is inside"));
    }
    let roles = world.roles().await?;
    let more = fence::who_may_connect(&*world.admin().await?, &names.fenced, &roles).await?;
    let who = if more.is_empty() {
        "nobody else may connect".into()
    } else {
        format!("{} may connect too", more.join(", "))
    };
    Ok(format!("is `{}`, nobody inside, {who}", names.fenced))
}

/// Looks, from a new session, whether the target answers under its own name; says what it saw.
///
/// # Errors
/// [`code::FENCE`] where it does not.
pub async fn look_open(world: &World) -> Result<String> {
    let session = world.session(&world.names.target).await?;
    let on: String = session.one("show default_transaction_read_only", &[]).await?.get(0);
    if on == "on" && world.config.environment.fence == FenceKind::ReadOnly {
        return Err(open_still("new sessions still read only"));
    }
    Ok(format!("`{}` answers", world.names.target))
}

fn open_still(what: &str) -> Failure {
    Failure::new(code::FENCE, format!("the fence is not as it should be: {what}"))
}
