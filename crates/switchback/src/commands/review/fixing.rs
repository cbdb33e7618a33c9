//! `review --fix`.

use std::fmt::Write as _;
use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_model::{Failure, Result, code};
use switchback_workflow::review::fix::{self, Fixed, How};
use switchback_workflow::review::{File, prove};

use super::{Args, Ground};
use crate::app::App;
use crate::signals::until_told;

/// For the scratch server to end, once somebody said stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder is a history, most of which has run somewhere: what has run is not written anew.
pub(super) fn refuse_all(args: &Args) -> Result<()> {
    let files = args.paths.iter().filter(|path| path.as_os_str() != "-");
    let only_files = files.clone().count() > 0 && files.clone().all(|path| path.is_file());
    if args.base.is_some() || only_files {
        return Ok(());
    }
    Err(Failure::new(code::USAGE, "--fix writes into files, and must be told which")
        .changed("no file was written")
        .hint("name them: switchback review --fix migrations/0042_add_orders.sql")
        .hint("or those that changed since a branch: switchback review --fix --base main"))
}

/// Fixes the files, proves that, and writes them; gives all files as they are then.
pub(super) async fn write(
    files: Vec<File>,
    together: bool,
    ground: &Ground,
    args: &Args,
    app: &App,
) -> Result<Vec<File>> {
    let Ground { options, live, tool, known, .. } = ground;
    let how = How { options, live, together, tool: *tool, known };
    let fixed = fix::fix(&files, &how);
    if fixed.written.is_empty() {
        app.say(&format!("nothing to write{}\n", left(&fixed)));
        return Ok(files);
    }
    let proof = if args.unproven {
        "not proven: nothing was run".to_owned()
    } else {
        let version = ground.options.version;
        app.say("running both on a scratch server …\n");
        let work =
            async |cancel: &Cancel| prove::prove(&files, &fixed.files, ground.tool, version, cancel).await;
        words(&until_told(app, "the proof of the fixes", PATIENCE, work).await?)
    };
    fix::write(&fixed, &files)?;
    app.say(&format!("{}{proof}{}\n", done(&fixed, &files), left(&fixed)));
    Ok(fixed.files)
}

fn done(fixed: &Fixed, read: &[File]) -> String {
    let mut text = String::new();
    for done in &fixed.done {
        let _ = writeln!(text, "fixed    {}:{} {}: {}", done.file, done.line, done.rule, done.title);
    }
    for written in &fixed.written {
        let new = read.iter().all(|file| file.path != written.path);
        let _ = writeln!(text, "{}  {}", if new { "new    " } else { "changed" }, written.path);
    }
    text
}

fn words(proof: &prove::Proof) -> String {
    if let Some(refused) = &proof.refused {
        return format!("proven   the server refuses what was there, and runs what is there now ({refused})");
    }
    let back = if proof.back { ", and so are their ways back" } else { "" };
    let list = |held: &[prove::Held]| match held {
        [] => "nothing".to_owned(),
        held => held.iter().map(prove::Held::words).collect::<Vec<_>>().join(", "),
    };
    format!(
        "proven   both make the same schema{back}; held: before {}; now {}",
        list(&proof.before),
        list(&proof.after)
    )
}

fn left(fixed: &Fixed) -> String {
    let mut text = String::new();
    for (finding, why) in &fixed.left {
        let _ = write!(text, "\nleft     {}:{} {}: {why}", finding.file, finding.line, finding.rule);
    }
    text
}
