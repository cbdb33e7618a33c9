//! The maintenance page: whether it can be closed, and whether that can be seen.

use std::path::Path;

use async_trait::async_trait;
use rustix::fs::{Access, access};
use switchback_model::Result;

use super::{Examination, Look, Site};
use crate::maintenance;

const TITLE: &str = "maintenance page";

pub(super) struct Page;

#[async_trait(?Send)]
impl Examination for Page {
    fn name(&self) -> &'static str {
        "page"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let Some(page) = &site.world.config.environment.maintenance else {
            let seen = "none is configured: users see errors while the application is stopped, and come back at its start";
            return Ok(vec![Look::note(TITLE, seen)]);
        };
        let mut looks = Vec::new();
        looks.extend(page.flag.as_deref().and_then(flag));
        looks.push(match maintenance::look(page).await {
            Ok(None) => Look::note(TITLE, "whether it is closed can't be seen, so nothing is claimed of it")
                .cure("set `closed_when` in [environments.NAME.maintenance]"),
            Ok(Some(look)) if look.closed => {
                Look::note(TITLE, format!("it is closed already: {}", look.proof))
            }
            Ok(Some(look)) => Look::good(TITLE, format!("it is open: {}", look.proof)),
            Err(failure) => Look::failed(TITLE, &failure),
        });
        Ok(looks)
    }
}

/// The flag must be written into its folder and removed from it.
fn flag(flag: &Path) -> Option<Look> {
    let folder = flag.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        let look = Look::bad(TITLE, format!("the folder of its flag, {}, is not there", folder.display()));
        return Some(look.cure(format!("mkdir -p {}", folder.display())));
    }
    let refused = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
    let look = Look::bad(
        TITLE,
        format!("its flag can't be written in {}: {}", folder.display(), std::io::Error::from(refused)),
    );
    Some(look.cure(format!("ls -ld {}; let this user write there", folder.display())))
}
