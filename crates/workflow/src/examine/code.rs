//! The application's code: a clean checkout, a release that exists, and a configuration that stays.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use switchback_engine::exec::shell_word;
use switchback_model::Result;
use switchback_model::plan::Release;

use super::{Examination, Look, Site, some_of};
use crate::git::Repository;
use crate::world::World;

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
        let mut changes = repository.local_changes(release.as_ref()).await?;
        if let Some(own) = Own::of(site.world, &repository) {
            let touched = changes.contains(&own.path);
            // Put aside like any other file it would be missed by the next command.
            changes.retain(|path| *path != own.path);
            looks.extend(own.look(&repository, &head, release.as_ref(), touched).await?);
        }
        looks.extend(dirty(&repository, &changes));
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

fn dirty(repository: &Repository, changes: &[String]) -> Option<Look> {
    let seen = format!(
        "{} in {}: a switch of the release is refused",
        some_of(changes),
        repository.root().display()
    );
    let root = shell_word(&repository.root().to_string_lossy());
    let names: Vec<_> = changes.iter().map(|path| shell_word(path)).collect();
    // Named one by one: all that is not tracked may be uploads or a virtual environment.
    let cure = format!(
        "look: git -C {root} diff; put them aside: git -C {root} stash push --all -- {}",
        names.join(" ")
    );
    (!changes.is_empty()).then(|| Look::bad("changes in the checkout", seen).cure(cure))
}

/// The configuration that this very program goes by, where it lies in the checkout.
struct Own {
    file: PathBuf,
    /// From the checkout's top.
    path: String,
    environment: String,
}

impl Own {
    fn of(world: &World, repository: &Repository) -> Option<Self> {
        let file = world.config.file.clone();
        let path = repository.inside(&file)?.to_string_lossy().into_owned();
        Some(Self { file, path, environment: world.config.environment_name.clone() })
    }

    /// What a switch to the release would do to it: every command after it would go by another file, or
    /// find none, with the fence up.
    async fn look(
        &self,
        repository: &Repository,
        head: &Release,
        release: Option<&Release>,
        changed: bool,
    ) -> Result<Option<Look>> {
        let path = Path::new(&self.path);
        let here = repository.content(&head.commit, path).await?;
        let there = match release {
            Some(release) => repository.content(&release.commit, path).await?,
            None => here.clone(),
        };
        let release = release.unwrap_or(head);
        let what = match (&here, &there) {
            (here, there) if here == there && !changed => return Ok(None),
            (Some(_), None) => {
                format!("release {} does not have it: the switch would remove it", release.name)
            }
            (here, there) if here != there => {
                format!("release {} has another one: the switch would exchange it", release.name)
            }
            _ => "it is tracked, and changed in the checkout: a switch is refused".to_owned(),
        };
        let detail = format!("{} is what this run goes by, and {what}", self.file.display());
        Ok(Some(Look::bad("the configuration", detail).cure(self.cure(
            repository,
            release,
            here.is_some(),
            changed,
        ))))
    }

    /// Under a name that no release has, beside the one that git has: paths in it mean the same there.
    fn cure(&self, repository: &Repository, release: &Release, tracked: bool, changed: bool) -> String {
        let aside = aside(&self.file);
        let word = |path: &Path| shell_word(&path.to_string_lossy());
        let (from, to) = (word(&self.file), word(&aside));
        let root = word(repository.root());
        let away = match (tracked, changed) {
            (false, _) => format!("mv {from} {to}"),
            (true, false) => format!("cp {from} {to}"),
            (true, true) => {
                format!("cp {from} {to} && git -C {root} checkout HEAD -- {}", shell_word(&self.path))
            }
        };
        format!(
            "keep it under a name that no release has, and name it from now on: {away} && switchback --config {to} \
             deploy -e {} --release {}",
            self.environment,
            shell_word(&release.name)
        )
    }
}

/// A name beside a file that nobody has yet.
fn aside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let free = |name: &String| !file.with_file_name(name).exists();
    let mut names =
        (1..).map(|n| if n == 1 { format!("{stem}.local.toml") } else { format!("{stem}.local{n}.toml") });
    file.with_file_name(names.find(free).unwrap_or_default())
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
