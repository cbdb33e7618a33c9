//! What files are reviewed against, and what is left out of what is found there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use switchback_model::Result;
use switchback_model::config::{FailOn, Review, Tool};
use switchback_model::finding::Findings;
use switchback_postgres::Session;
use switchback_report::findings;
use switchback_workflow::planner::Unplanned;
use switchback_workflow::review::{self, Asking, File, Known, Left, Live, Options, Raw, Secrets};
use switchback_workflow::world::World;

use super::Args;
use super::asked::Stands;
use super::shown::{Shown, show};
use crate::app::App;

/// What files are reviewed against: the project's rules alone, or an environment's and what its target
/// says of itself.
pub(super) struct Ground {
    pub(super) options: Options,
    pub(super) fail_on: FailOn,
    pub(super) tool: Option<Tool>,
    pub(super) live: Live,
    pub(super) session: Option<Session>,
    pub(super) known: Known,
    /// What is to be said of the configuration.
    pub(super) remarks: Vec<String>,
}

impl Ground {
    pub(super) fn of_project(stands: Option<&Stands>, args: &Args, base: &Path) -> Result<Self> {
        let review = stands.map(|stands| stands.project.review.clone()).unwrap_or_default();
        let tool = stands.map(|stands| stands.project.migrations.tool);
        let options = options(&review, tool, args)?;
        let known = known(&review, stands, args, base)?;
        let (live, session, remarks) = (Live::default(), None, review::foreign_names(&review));
        Ok(Self { options, fail_on: review.fail_on, tool, live, session, known, remarks })
    }

    /// Findings show paths from `base`.
    pub(super) async fn of_target(
        world: &World,
        args: &Args,
        known: Known,
        files: &[File],
        base: &Path,
        found: Result<Unplanned>,
        app: &App,
    ) -> Result<Self> {
        let (review, tool) = (&world.config.review, Some(world.config.migrations.tool));
        let mut options = options(review, tool, args)?;
        options.database.clone_from(&world.names.target);
        let session = Session::connect(&world.url(&world.names.target), &world.application()).await?;
        if args.server_version.is_none() {
            options.version = review::live::version(&session).await?;
        }
        let ground = review::live::ground(world, &session, files, base, found).await?;
        for path in &ground.applied {
            app.say(&format!(
                "{path} is applied there already: what the files before it tell is taken for its schema\n"
            ));
        }
        for (fact, why) in ground.live.unknown.iter().filter(|(fact, _)| !fact.is_told()) {
            app.say(&format!("not known of the target: {}: {why}\n", fact.words()));
        }
        let (fail_on, remarks) = (review.fail_on, review::foreign_names(review));
        Ok(Self { options, fail_on, tool, live: ground.live, session: Some(session), known, remarks })
    }

    /// Reviews and shows it.
    pub(super) async fn review(
        mut self,
        files: Vec<File>,
        asked: &Reading,
        format: &findings::Format,
        args: &Args,
        app: &App,
    ) -> Result<(Shown, FailOn)> {
        let options = self.options.clone();
        let mut raw = review::review(&files, options, &self.live, asked.together, self.tool);
        if let Some(session) = &self.session {
            review::live::answer(session, &mut raw).await?;
        }
        let mut sources: BTreeMap<String, String> =
            files.into_iter().map(|file| (file.path, file.text)).collect();
        let spoken_of: BTreeSet<&str> = raw.iter().map(|raw| &*raw.finding.file).collect();
        let texts = spoken_of.into_iter().filter_map(|file| sources.get(file));
        let secrets = Secrets::of(texts.map(String::as_str));
        let left = self.leave_out(&mut raw, asked, &sources, &secrets, args, app)?;
        sources.extend(left.sources);
        let mut found = Findings::new(raw.into_iter().map(|raw| *raw.finding).collect(), asked.read.len());
        (found.summary.baseline, found.summary.allowed) = (left.baseline, left.allowed.len());
        let mut shown = show(format, found, asked, &sources, &secrets, args, app)?;
        shown.allowed = left.allowed;
        for allowed in &mut shown.allowed {
            secrets.hide_findings(std::slice::from_mut(&mut allowed.finding));
        }
        Ok((shown, self.fail_on))
    }

    /// Takes out what the project knows of, and says what else there is to say of that.
    fn leave_out(
        &mut self,
        raw: &mut Vec<Raw>,
        asked: &Reading,
        sources: &BTreeMap<String, String>,
        secrets: &Secrets,
        args: &Args,
        app: &App,
    ) -> Result<Left> {
        let (read, whole) = (asked.read.as_slice(), asked.whole);
        let asking = Asking { read, whole, sources, secrets, options: &self.options };
        for remark in &self.remarks {
            app.say(&format!("{remark}\n"));
        }
        if args.write_baseline {
            let written = self.known.write_baseline(raw, &asking)?;
            let (findings, files) = written.size();
            let path = written.path().display();
            app.say(&format!("{path} is written: {findings} findings of old, in {files} files\n"));
        }
        if asked.pending {
            let (left, known) = self.known.leave_in_baseline(raw, &asking);
            if known > 0 {
                app.say(&format!(
                    "{known} of these findings stand in the baseline: what is pending is not of old, so they count\n"
                ));
            }
            return Ok(left);
        }
        Ok(self.known.leave_out(raw, &asking))
    }
}

/// What is read, and as what.
pub(super) struct Reading {
    /// The files that findings are about.
    pub(super) read: Vec<String>,
    /// They are one deploy.
    pub(super) together: bool,
    /// They are all that the project has.
    pub(super) whole: bool,
    /// They are what an environment's next deploy would run.
    pub(super) pending: bool,
}

/// What the project knows of its findings; without a configuration, what stands beside what is reviewed.
pub(super) fn known(review: &Review, stands: Option<&Stands>, args: &Args, base: &Path) -> Result<Known> {
    let folder = stands.map_or(base, |stands| &stands.project.root);
    let config = stands.map(|stands| (stands.path.clone(), stands.text.clone()));
    Known::read(review, folder, base, config, args.write_baseline)
}

fn options(review: &Review, tool: Option<Tool>, args: &Args) -> Result<Options> {
    let mut options = review::options(review)?;
    options.all |= args.all_rules;
    options.version = args.server_version.unwrap_or(options.version);
    options.runner_sets_lock_timeout = tool.is_some();
    Ok(options)
}
