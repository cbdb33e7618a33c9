//! The only place where what a command gave becomes an exit status.

use std::process::ExitCode;

use switchback_model::{Exit, Failure, Result, code};
use switchback_report::failure;

use crate::app::App;
use crate::hints;

/// The exit status of a command that is over; a failure is shown.
pub(crate) fn exit(ended: Result<Exit>, app: &App) -> ExitCode {
    let status = match ended {
        Ok(exit) => exit,
        Err(mut failed) => {
            hints::complete(&mut failed, app.global.environment.as_deref());
            app.say(&failure::render(&failed, app.theme()));
            app.print_instead(&failed);
            failed.exit()
        }
    };
    ExitCode::from(status.status())
}

/// clap's own message and status: 0 for help and version, 2 for anything it does not understand.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Where not even this can be written there is nobody to tell.
    let _unwritable = error.print();
    ExitCode::from(if error.use_stderr() { Exit::Usage.status() } else { Exit::Done.status() })
}

/// Without a runtime nothing can be done.
pub(crate) fn no_runtime(error: &std::io::Error) -> Failure {
    Failure::new(code::INTERNAL, "the program can't start its event loop").because(error)
}
