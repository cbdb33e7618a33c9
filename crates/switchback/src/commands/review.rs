//! `review`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use switchback_model::config::{FILE_NAME, FailOn, Project, Review, Tool};
use switchback_model::finding::{Finding, Findings, Summary};
use switchback_model::record::{Accepted, RecordKind, Sealed};
use switchback_model::{Exit, Failure, Plan, Result, Severity, code};
use switchback_postgres::Session;
use switchback_report::findings::{self, Columns, Reviewed, Rule};
use switchback_report::tables;
use switchback_workflow::formats::Difference;
use switchback_workflow::planner::{self, Unplanned};
use switchback_workflow::records::{self, Store};
use switchback_workflow::review::{
    self, Allowed, Asked, Asking, File, Known, Left, Live, Options, Raw, Secrets, gather,
};
use switchback_workflow::world::World;

use crate::app::{self, App};

mod fixing;

#[derive(clap::Args)]
#[command(
    after_help = "Examples: switchback review migrations/0042_add_orders.sql\n          switchback review --base origin/main --format github\n          switchback review -e production --record\n          switchback review --fix migrations/0042_add_orders.sql\nExit status 1: there are findings that are not fine. Nothing is run on a target; only --fix changes files.\nThe page of a rule: switchback explain RULE"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the command line")]
pub(crate) struct Args {
    /// Files and folders; `-` is standard input; default: the configuration's migrations
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only files that changed since this branch, tag or commit was left
    #[arg(long, value_name = "GITREF")]
    base: Option<String>,
    /// From which weight on findings are not fine: error, warning, info
    #[arg(long, value_name = "WEIGHT", value_parser = ["error", "warning", "info"])]
    fail_on: Option<String>,
    /// Rules that are off by default too
    #[arg(long)]
    all_rules: bool,
    /// Read one file from standard input, as if it had this name
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<PathBuf>,
    /// Count columns in units of UTF-16, as editors do
    #[arg(long)]
    utf16: bool,
    /// With -e: the release whose pending migrations are reviewed: a tag, branch or commit
    #[arg(long, value_name = "REF")]
    release: Option<String>,
    /// With -e: put on record that these migrations were reviewed, for the gate `review`
    #[arg(long, conflicts_with = "fail_on")]
    record: bool,
    /// With --record: accept the findings that are not fine, and say why
    #[arg(long, value_name = "WHY", requires = "record")]
    accept: Option<String>,
    /// Make what is found the baseline: later reviews leave it out
    #[arg(long, conflicts_with_all = ["record", "base", "stdin_filename", "fail_on", "fix"])]
    write_baseline: bool,
    /// Write the fixes of what is not fine into the files, proven on a scratch server
    #[arg(long, conflicts_with_all = ["record", "stdin_filename", "release"])]
    fix: bool,
    /// With --fix: write them without running them anywhere
    #[arg(long, requires = "fix")]
    unproven: bool,
    /// The server's major version, as in 16
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(13..=18))]
    server_version: Option<u32>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let format = findings::format(&app.global.format).ok_or_else(|| unknown(&app.global.format))?;
    let dash = args.paths.iter().any(|path| path.as_os_str() == "-");
    if args.write_baseline && dash {
        return Err(Failure::new(code::USAGE, "standard input is no file that a baseline could be about")
            .changed("no baseline was written")
            .hint("of all migrations: switchback review --write-baseline"));
    }
    let named = !args.paths.is_empty() || args.stdin_filename.is_some();
    let environment = app.global.environment.is_some();
    if (named || !environment) && (args.record || args.release.is_some()) {
        let message = "--record and --release are about the pending migrations of an environment";
        return Err(Failure::new(code::USAGE, message)
            .changed("nothing was put on record")
            .hint("name it, and no path: switchback review -e production --record"));
    }
    if environment && !named {
        if args.write_baseline {
            let message = "what is pending is not of old: a baseline does not open the gate `review`";
            return Err(Failure::new(code::USAGE, message)
                .changed("no baseline was written")
                .hint("to accept what is found there: switchback review -e production --record --accept WHY")
                .hint("a baseline of all migrations: switchback review --write-baseline"));
        }
        if args.base.is_some() {
            let message = "what an environment's next deploy would run does not depend on --base";
            return Err(Failure::new(code::USAGE, message)
                .hint("what changed in a folder: switchback review -e production --base main migrations/")
                .hint("what a deploy would run: switchback review -e production"));
        }
        return pending(args, format, app).await;
    }
    if args.fix {
        fixing::refuse_all(args)?;
    }
    let project = project(app)?;
    let here = std::env::current_dir().unwrap_or_default();
    let whole = reads_all(args, project.as_ref(), &here);
    let (files, together) = files(args, project.as_ref().map(|stands| &stands.project)).await?;
    let ground = if environment {
        let world = world(app)?;
        let found = planner::unplanned(&world, None).await;
        let known = known(&world.config.review, project.as_ref(), args, &here)?;
        Ground::of_target(&world, args, known, &files, &here, found, app).await?
    } else {
        Ground::of_project(project.as_ref(), args, &here)?
    };
    let files = if args.fix { fixing::write(files, together, &ground, args, app).await? } else { files };
    let read: Vec<String> = files.iter().filter(|file| !file.applied).map(|file| file.path.clone()).collect();
    let asked = Reading { read, together, whole, pending: false };
    let (shown, fail_on) = ground.review(files, &asked, format, args, app).await?;
    Ok(if args.write_baseline { Exit::Done } else { shown.exit(args, fail_on) })
}

/// Whether every migration of the project is asked about.
fn reads_all(args: &Args, stands: Option<&Stands>, here: &Path) -> bool {
    let Some(stands) = stands.filter(|_| args.base.is_none() && args.stdin_filename.is_none()) else {
        return false;
    };
    let real = |path: &Path| here.join(path).canonicalize().unwrap_or_else(|_| path.to_owned());
    let all = real(&stands.project.migrations.directory);
    args.paths.is_empty() || args.paths.iter().any(|path| all.starts_with(real(path)))
}

/// What an environment's next deploy would run, read against what is applied there and what the target
/// says of itself.
async fn pending(args: &Args, format: &findings::Format, app: &App) -> Result<Exit> {
    let world = world(app)?;
    let plan = match planner::plan(&world, args.release.as_deref()).await {
        Err(failure) if failure.code == code::NOTHING_TO_DO => {
            app.say(&format!("{}\n", failure.message));
            app.print_instead(&failure);
            return Ok(Exit::Done);
        }
        // What keeps a deploy from being planned is a finding like others; nothing is put on record of it.
        Err(failure) if failure.code == code::HISTORY_DIFFERS && !args.record => None,
        plan => Some(plan?),
    };
    let found = planner::unplanned(&world, args.release.as_deref()).await?;
    let root = found.root.clone();
    let files = files_of_deploy(&found).await?;
    let read: Vec<String> = asked(&found, &root).iter().map(|path| inside(path, &root)).collect();
    let place = world.config.working_directory();
    let known = known(&world.config.review, project(app)?.as_ref(), args, &place)?;
    let ground = Ground::of_target(&world, args, known, &files, &root, Ok(found), app).await?;
    let asked = Reading { read, together: true, whole: false, pending: true };
    let (shown, fail_on) = ground.review(files, &asked, format, args, app).await?;
    match plan {
        Some(plan) if args.record => record(&plan, &world, &shown, fail_on, args, app),
        Some(_) => Ok(shown.exit(args, fail_on)),
        None => Ok(Exit::NotFine),
    }
}

/// The files of what is pending, and of what the history and the files differ about.
fn asked(found: &Unplanned, root: &Path) -> Vec<PathBuf> {
    let pending = found.scripts.pending.iter().map(|script| root.join(&script.path));
    let differing = found.differences.iter().filter_map(|difference| match difference {
        Difference::Edited { file } | Difference::PassedOver { file, .. } => Some(file.clone()),
        Difference::NoFile { .. } => None,
    });
    pending.chain(differing).collect()
}

/// These files with the earlier ones, by their names in the release. One that was edited was applied.
async fn files_of_deploy(found: &Unplanned) -> Result<Vec<File>> {
    let paths = asked(found, &found.root);
    let (mut files, _) = gather(&Asked { paths: &paths, ..Asked::default() }).await?;
    let edited: Vec<&PathBuf> = found
        .differences
        .iter()
        .filter_map(|difference| match difference {
            Difference::Edited { file } => Some(file),
            _ => None,
        })
        .collect();
    for file in &mut files {
        file.applied |= edited.iter().any(|edited| edited.as_path() == Path::new(&file.path));
        file.path = inside(Path::new(&file.path), &found.root);
    }
    Ok(files)
}

fn inside(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

fn world(app: &App) -> Result<World> {
    let config = app.config()?;
    let folder = config.state.clone();
    Ok(World::new(config, app::new_run(), app::operator(), folder, app::program()))
}

/// What files are reviewed against: the project's rules alone, or an environment's and what its target
/// says of itself.
struct Ground {
    options: Options,
    fail_on: FailOn,
    tool: Option<Tool>,
    live: Live,
    session: Option<Session>,
    known: Known,
    /// What is to be said of the configuration.
    remarks: Vec<String>,
}

/// What is read, and as what.
struct Reading {
    /// The files that findings are about.
    read: Vec<String>,
    /// They are one deploy.
    together: bool,
    /// They are all that the project has.
    whole: bool,
    /// They are what an environment's next deploy would run.
    pending: bool,
}

impl Ground {
    fn of_project(stands: Option<&Stands>, args: &Args, base: &Path) -> Result<Self> {
        let review = stands.map(|stands| stands.project.review.clone()).unwrap_or_default();
        let tool = stands.map(|stands| stands.project.migrations.tool);
        let options = options(&review, tool, args)?;
        let known = known(&review, stands, args, base)?;
        let (live, session, remarks) = (Live::default(), None, review::foreign_names(&review));
        Ok(Self { options, fail_on: review.fail_on, tool, live, session, known, remarks })
    }

    /// Findings show paths from `base`.
    async fn of_target(
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
    async fn review(
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
        let spoken_of: BTreeSet<&str> = raw.iter().map(|raw| raw.finding.file.as_str()).collect();
        let texts = spoken_of.into_iter().filter_map(|file| sources.get(file));
        let secrets = Secrets::of(texts.map(String::as_str));
        let left = self.leave_out(&mut raw, asked, &sources, &secrets, args, app)?;
        sources.extend(left.sources);
        let mut found = Findings::new(raw.into_iter().map(|raw| raw.finding).collect(), asked.read.len());
        (found.summary.baseline, found.summary.allowed) = (left.baseline, left.allowed.len());
        let mut shown = show(format, found, asked, sources, &secrets, args, app)?;
        shown.allowed = left.allowed;
        shown.allowed.iter_mut().for_each(|allowed| secrets.hide_finding(&mut allowed.finding));
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

/// What the project knows of its findings; without a configuration, what stands beside what is reviewed.
fn known(review: &Review, stands: Option<&Stands>, args: &Args, base: &Path) -> Result<Known> {
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

/// Puts on record that exactly these migrations were reviewed; findings that are not fine, and what
/// could not be read, must be accepted by a person who says why.
fn record(
    plan: &Plan,
    world: &World,
    shown: &Shown,
    fail_on: FailOn,
    args: &Args,
    app: &App,
) -> Result<Exit> {
    let not_fine = shown.exit(args, fail_on) != Exit::Done;
    if (not_fine || shown.unread) && args.accept.is_none() {
        let why = if not_fine {
            "there are findings that are not fine"
        } else {
            "not every statement could be read"
        };
        app.say(&format!("nothing was put on record: {why}; accept that with --accept WHY\n"));
        return Ok(Exit::NotFine);
    }
    let mut record = records::about(plan, RecordKind::Review, &world.operator.user, &world.operator.host);
    record.note.clone_from(&args.accept);
    record.accepted = shown.accepted(args, fail_on);
    let sealed = Sealed::new(record)?;
    Store::of(&world.config).add(&sealed)?;
    app.say(&tables::records(&[&sealed.record], app.theme()));
    Ok(Exit::Done)
}

/// The rule that says what could not be read.
const UNREAD: &str = "unread-statement";

/// What was shown: the heaviest finding, and whether one says that something could not be read.
struct Shown {
    worst: Option<Severity>,
    unread: bool,
    findings: Vec<Finding>,
    /// What the configuration allows.
    allowed: Vec<Allowed>,
}

impl Shown {
    fn exit(&self, args: &Args, configured: FailOn) -> Exit {
        let least = least(args, configured);
        if self.worst.is_some_and(|worst| worst >= least) { Exit::NotFine } else { Exit::Done }
    }

    /// What a person accepts who puts it on record: what is not fine, what could not be read, and what the
    /// configuration allows.
    fn accepted(&self, args: &Args, configured: FailOn) -> Vec<Accepted> {
        let least = least(args, configured);
        let weighs = |finding: &&Finding| finding.severity >= least || finding.rule == UNREAD;
        let own = self.findings.iter().filter(weighs).map(|finding| accepted(finding, None));
        let allowed = self.allowed.iter().filter(|allowed| weighs(&&allowed.finding));
        own.chain(allowed.map(|one| accepted(&one.finding, Some(&one.because)))).collect()
    }
}

fn least(args: &Args, configured: FailOn) -> Severity {
    match (args.fail_on.as_deref(), configured) {
        (Some("info"), _) | (None, FailOn::Info) => Severity::Info,
        (Some("warning"), _) | (None, FailOn::Warning) => Severity::Warning,
        _ => Severity::Error,
    }
}

fn accepted(finding: &Finding, because: Option<&String>) -> Accepted {
    Accepted {
        rule: finding.rule.clone(),
        file: finding.file.clone(),
        line: finding.line,
        message: finding.message.clone(),
        because: because.cloned(),
    }
}

fn show(
    format: &findings::Format,
    mut found: Findings,
    asked: &Reading,
    mut sources: BTreeMap<String, String>,
    secrets: &Secrets,
    args: &Args,
    app: &App,
) -> Result<Shown> {
    let columns = if args.utf16 { Columns::Utf16 } else { Columns::Characters };
    if args.utf16 {
        utf16(&mut found, &sources);
    }
    if !secrets.is_empty() {
        found.findings.iter_mut().for_each(|finding| secrets.hide_finding(finding));
        for text in sources.values_mut() {
            *text = secrets.hide_in_place(text);
        }
    }
    let rules: Vec<Rule<'_>> = review::rules().map(rule).collect();
    let reviewed = Reviewed {
        findings: &found,
        files: &asked.read,
        sources: &sources,
        rules: &rules,
        columns,
        theme: app.theme_out(),
        width: app.width_out(),
    };
    app.printed_elsewhere();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = (format.write)(&reviewed, &mut out).and_then(|()| std::io::Write::flush(&mut out));
    match written {
        // A reader that went away is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(code::INTERNAL, "the findings can't be written").because(&error))
        }
        _ => {
            if format.name == "gitlab" {
                say_left_out(&found.summary, app);
            }
            let unread = found.findings.iter().any(|finding| finding.rule == UNREAD);
            Ok(Shown { worst: found.worst(), unread, findings: found.findings, allowed: Vec::new() })
        }
    }
}

/// Where the report itself has no place for it.
fn say_left_out(summary: &Summary, app: &App) {
    let Summary { baseline, allowed, .. } = *summary;
    if baseline + allowed > 0 {
        app.say(&format!("left out: {baseline} of the baseline, {allowed} that the configuration allows\n"));
    }
}

fn rule(rule: &'static review::Rule) -> Rule<'static> {
    Rule { code: rule.code, name: rule.name, title: rule.title(), page: rule.page, severity: rule.severity }
}

fn utf16(found: &mut Findings, sources: &BTreeMap<String, String>) {
    let lines: BTreeMap<&str, Vec<&str>> =
        sources.iter().map(|(file, text)| (file.as_str(), text.lines().collect())).collect();
    for finding in &mut found.findings {
        let Some(lines) = lines.get(finding.file.as_str()) else { continue };
        let units = |line: usize, column: usize| {
            let text = lines.get(line - 1).copied().unwrap_or_default();
            text.chars().take(column - 1).map(char::len_utf16).sum::<usize>() + 1
        };
        finding.column = units(finding.line, finding.column);
        finding.end_column = units(finding.end_line, finding.end_column);
    }
}

/// A configuration where it stands.
struct Stands {
    project: Project,
    path: PathBuf,
    text: String,
}

/// The configuration's part that a review needs, where there is a configuration.
fn project(app: &App) -> Result<Option<Stands>> {
    let path = match &app.global.config {
        Some(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        None => std::env::current_dir().ok().and_then(|here| {
            here.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())
        }),
    };
    let Some(path) = path else { return Ok(None) };
    let text = review::read(&path)?;
    let project = Project::parse(&text, &path)?;
    Ok(Some(Stands { project, path, text }))
}

async fn files(args: &Args, project: Option<&Project>) -> Result<(Vec<File>, bool)> {
    let dash = args.paths.iter().any(|path| path.as_os_str() == "-");
    let name = args.stdin_filename.clone().or_else(|| dash.then(|| PathBuf::from("stdin.sql")));
    let mut paths: Vec<PathBuf> = args.paths.iter().filter(|path| path.as_os_str() != "-").cloned().collect();
    let text = name.as_ref().map(|_| stdin()).transpose()?;
    if paths.is_empty() && name.is_none() {
        paths.push(configured(project)?);
    }
    for path in &paths {
        if !path.exists() {
            let message = format!("there is no file or folder {}", path.display());
            return Err(Failure::new(code::USAGE, message)
                .hint("name what is to be reviewed: switchback review PATH"));
        }
    }
    let asked = Asked {
        paths: &paths,
        base: args.base.as_deref(),
        stdin: name.as_deref().zip(text.as_deref()),
        ignore: project.map_or(&[], |project| &project.review.ignore),
        root: project.map(|project| project.root.as_path()),
    };
    gather(&asked).await
}

/// Where the project's migrations are, from here.
fn configured(project: Option<&Project>) -> Result<PathBuf> {
    let Some(project) = project else {
        return Err(Failure::new(code::USAGE, "there is nothing to review: no path, and no switchback.toml")
            .hint("name files or a folder: switchback review migrations/")
            .hint("or write a configuration: switchback init"));
    };
    let folder = &project.migrations.directory;
    let here = std::env::current_dir().unwrap_or_default();
    let inside = folder.strip_prefix(&here).unwrap_or(folder);
    let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
    Ok(inside.to_owned())
}

fn stdin() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(code::USAGE, "standard input can't be read").because(&error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unknown(format: &str) -> Failure {
    let names: Vec<&str> = findings::FORMATS.iter().map(|format| format.name).collect();
    Failure::new(code::USAGE, format!("`{format}` is no format of findings"))
        .hint(format!("one of: {}", names.join(", ")))
}
