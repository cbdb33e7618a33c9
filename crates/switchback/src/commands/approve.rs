//! `approve`.

use switchback_engine::clock;
use switchback_model::record::{RecordKind, Sealed};
use switchback_model::units::Span;
use switchback_model::{Exit, Failure, Plan, Result, code};
use switchback_report::tables;
use switchback_workflow::planner;
use switchback_workflow::records::{self, Store};
use switchback_workflow::world::World;

use crate::app::{self, App, not_confirmed};

/// Fewer characters of a digest would be a guess.
const SHORTEST: usize = 8;

#[derive(clap::Args)]
#[command(after_help = "Example: switchback approve 3f786850e387 -e production --release v2\n\
    The digest stands at the end of `switchback plan`. When the migrations change, the approval counts no more.")]
pub(crate) struct Args {
    /// The digest of the pending migrations, or its first characters (eight or more)
    digest: String,
    /// The release whose migrations are approved: a tag, branch or commit of the repository
    #[arg(long, value_name = "REF")]
    release: Option<String>,
    /// What to put on record with it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// For how long it counts, as in 7d; default: as long as the migrations are the same
    #[arg(long, value_name = "TIME", value_parser = span)]
    valid_for: Option<Span>,
}

fn span(text: &str) -> Result<Span, String> {
    text.parse()
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let config = app.config()?;
    let folder = config.state.clone();
    let world = World::new(config, app::new_run(), app::operator(), folder, app::program());
    // What is pending is looked at now: nobody approves what they were told yesterday.
    let plan =
        planner::plan(&world, args.release.as_deref()).await.map_err(|failure| nothing(args, failure))?;
    is_meant(args, &plan)?;
    app.say(&tables::approval(&plan, app.theme()));
    if !app.confirm(&format!("approve this for {}?", plan.environment)) {
        return Err(not_confirmed());
    }
    let mut record = records::about(&plan, RecordKind::Approval, &world.operator.user, &world.operator.host);
    record.note.clone_from(&args.note);
    if let Some(span) = args.valid_for {
        record.expires = Some(record.at.checked_add(span.0).unwrap_or_else(|_| clock::now()));
    }
    let sealed = Sealed::new(record)?;
    Store::of(&world.config).add(&sealed)?;
    if app.json() {
        app.print_json(&sealed.to_value())?;
    } else {
        app.print(&tables::records(&[&sealed.record], app.theme_out()));
        if !plan.gates.iter().any(|gate| gate == "approval") {
            app.say(&format!("{} does not ask for it: see `requires`\n", plan.environment));
        }
    }
    Ok(Exit::Done)
}

/// Where nothing is pending there is nothing to agree to, and that is not what was asked for.
fn nothing(args: &Args, failure: Failure) -> Failure {
    if failure.code != code::NOTHING_TO_DO {
        return failure;
    }
    Failure::new(code::DIGEST_UNKNOWN, format!("`{}` is not the digest of what is pending", args.digest))
        .cause(failure.message)
        .changed("nothing was changed")
        .hint("migrations of another release are named with --release REF")
}

fn is_meant(args: &Args, plan: &Plan) -> Result<()> {
    let asked = args.digest.to_ascii_lowercase();
    if asked.len() >= SHORTEST && plan.digest.starts_with(&asked) {
        return Ok(());
    }
    let message = if asked.len() < SHORTEST {
        format!("`{}` is too short for a digest", args.digest)
    } else {
        format!("`{}` is not the digest of what is pending", args.digest)
    };
    let release = args.release.as_ref().map(|release| format!(" --release {release}")).unwrap_or_default();
    Err(Failure::new(code::DIGEST_UNKNOWN, message)
        .cause(format!("the digest of what is pending is {}", plan.digest))
        .changed("nothing was changed")
        .hint(format!("read what is pending: switchback plan -e {}{release}", plan.environment))
        .hint("migrations of another release are named with --release REF"))
}
