//! The application's code: a clean checkout, and a release that exists.

use async_trait::async_trait;
use switchback_engine::exec::shell_word;
use switchback_model::Result;
use switchback_model::plan::Release;

use super::{Examination, Look, Site, some_of};
use crate::git::Repository;

pub(super) struct Code;

#[async_trait(?Send)]
impl Examination for Code {
    fn name(&self) -> &'static str {
        "code"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let Some(repository) = site.world.repository().await? else {
            let release = site.needs.release.as_ref();
            return Ok(release.map(|name| unknown(name)).into_iter().collect());
        };
        let head = repository.head().await?;
        let release = match &site.needs.release {
            Some(name) => Some(repository.resolve(name).await?),
            None => None,
        };
        let mut looks = vec![Look::good("code", seen(&repository, &head, release.as_ref()))];
        looks.extend(dirty(&repository, release.as_ref()).await?);
        Ok(looks)
    }
}

fn unknown(name: &str) -> Look {
    Look::bad("code", format!("release {name} is asked for, and no repository is configured"))
        .cure("set `repository` in [environments.NAME.code]")
}

fn seen(repository: &Repository, head: &Release, release: Option<&Release>) -> String {
    let place = format!("{} is at {} ({})", repository.root().display(), head.name, short(&head.commit));
    match release {
        Some(release) => format!("{place}; release {} is {}", release.name, short(&release.commit)),
        None => place,
    }
}

async fn dirty(repository: &Repository, release: Option<&Release>) -> Result<Option<Look>> {
    let changes = repository.local_changes(release).await?;
    let seen = format!(
        "{} in {}: a switch of the release is refused",
        some_of(&changes),
        repository.root().display()
    );
    let root = shell_word(&repository.root().to_string_lossy());
    let names: Vec<_> = changes.iter().map(|path| shell_word(path)).collect();
    // Named one by one: all that is not tracked may be uploads or a virtual environment.
    let cure = format!(
        "look: git -C {root} diff; put them aside: git -C {root} stash push --all -- {}",
        names.join(" ")
    );
    Ok((!changes.is_empty()).then(|| Look::bad("changes in the checkout", seen).cure(cure)))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
