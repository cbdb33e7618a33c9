//! The maintenance page, where one is configured.

use switchback_engine::cancel::Cancel;
use switchback_model::{Failure, Result, code};

use crate::maintenance;
use crate::world::World;

const NONE: &str = "no page is configured";

/// Closes it. Safe to repeat.
///
/// # Errors
/// [`code::MAINTENANCE`].
pub async fn close(world: &World, cancel: &Cancel) -> Result<()> {
    match &world.config.environment.maintenance {
        Some(page) => {
            maintenance::on(page, &world.run.0, &world.config.working_directory(), cancel).await.map(drop)
        }
        None => Ok(()),
    }
}

/// Opens it. Safe to repeat.
///
/// # Errors
/// [`code::MAINTENANCE`].
pub async fn open(world: &World, cancel: &Cancel) -> Result<()> {
    match &world.config.environment.maintenance {
        Some(page) => {
            maintenance::off(page, &world.run.0, &world.config.working_directory(), cancel).await.map(drop)
        }
        None => Ok(()),
    }
}

/// Looks whether users see the page; says what it saw.
///
/// # Errors
/// [`code::MAINTENANCE`] where they don't.
pub async fn look_closed(world: &World) -> Result<String> {
    look(world, true).await
}

/// Looks whether users see the application; says what it saw.
///
/// # Errors
/// [`code::MAINTENANCE`] where they see the page.
pub async fn look_open(world: &World) -> Result<String> {
    look(world, false).await
}

async fn look(world: &World, closed: bool) -> Result<String> {
    let Some(page) = &world.config.environment.maintenance else { return Ok(NONE.into()) };
    match maintenance::look(page).await? {
        None => Ok("not looked at: closed_when is not configured".into()),
        Some(seen) if seen.closed == closed => Ok(seen.proof),
        // No page, and no application either: whether that runs is another step's question.
        Some(seen) if !closed && seen.nobody => Ok(seen.proof),
        Some(seen) => Err(Failure::new(code::MAINTENANCE, "the page is not as it should be")
            .cause(seen.proof)
            .hint("look at [environments.NAME.maintenance] closed_when")),
    }
}
