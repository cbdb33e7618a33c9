//! A person's word to stop, as the system brings it: Ctrl-C, SIGTERM, a terminal that is gone.
//!
//! All three mean the same: end what is at work, leave nothing half-done, say what was done. None of
//! them kills: after the first word things are on their way to a safe place already.

use std::convert::Infallible;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use switchback_engine::cancel::{Cancel, Canceller, cancel_pair};
use switchback_model::{Failure, Result, code};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, to_stderr, variable};

/// For how long a service manager is asked to wait; asked again long before that.
const MORE: Duration = Duration::from_secs(30);

/// What the word came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Interrupt,
    Terminate,
    Hangup,
}

impl Word {
    /// As the record and the terminal name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "the loss of its terminal (SIGHUP)",
        }
    }
}

/// Hears every word from now on; none of them ends the process by itself any more.
pub(crate) struct Words {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Words {
    pub(crate) fn listen() -> Result<Self> {
        let hear = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(code::INTERNAL, "signals can't be heard")
                    .because(&error)
                    .changed("nothing was changed")
            })
        };
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hangup: if outlives_its_terminal() { None } else { Some(hear(SignalKind::hangup())?) },
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Word {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Word::Interrupt,
            _ = self.terminate.recv() => Word::Terminate,
            _ = hangup => Word::Hangup,
        }
    }
}

/// The service manager that started us, where it listens (`NotifyAccess=` in systemd's unit).
pub(crate) struct Manager(Option<(UnixDatagram, SocketAddr)>);

impl Manager {
    /// Finds it where the environment names it; `sd_notify(3)`.
    pub(crate) fn find() -> Self {
        Self(variable("NOTIFY_SOCKET").and_then(|place| {
            let address = match place.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(&place),
            };
            Some((UnixDatagram::unbound().ok()?, address.ok()?))
        }))
    }

    /// Asks for more time: a way back is at work, and is said again while it is.
    pub(crate) fn more_time(&self) {
        let Some((socket, address)) = &self.0 else { return };
        let text = format!(
            "STOPPING=1\nSTATUS=taking back what was begun\nEXTEND_TIMEOUT_USEC={}",
            MORE.as_micros()
        );
        let _nobody_listens = socket.send_to_addr(text.as_bytes(), address);
    }
}

/// Whether we were started to go on without a terminal: `nohup` has SIGHUP ignored, and whoever uses
/// it means that.
fn outlives_its_terminal() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & HANGUP != 0)
}

/// Runs a command that is no run until it ends or is told to stop. It ends in good order then; where it
/// only waits for a server, for `patience` at most: its sessions end with it, what they asked for too.
pub(crate) async fn until_told<T>(
    app: &App,
    name: &'static str,
    patience: Duration,
    work: impl AsyncFnOnce(&Cancel) -> Result<T>,
) -> Result<T> {
    let cancel = interruptible(app, name)?;
    let mut work = pin!(work(&cancel));
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = cancel.cancelled() => {}
    }
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| {
        Err(Failure::new(
            code::INTERRUPTED,
            format!("{name} was interrupted before it had put its things away"),
        )
        .changed("the target is as it was; a database or half of a backup may be left")
        .hint("see what is left: switchback doctor"))
    })
}

/// For a command that is no run: the first word cancels it, every further one says that it is ending.
pub(crate) fn interruptible(app: &App, work: &'static str) -> Result<Cancel> {
    let (canceller, cancel) = cancel_pair();
    let (theme, quiet) = (app.theme(), app.global.quiet);
    let mut again = false;
    let say = move |word: Word| {
        let ending = if again {
            "is being ended already; this takes some seconds"
        } else {
            "is ended, on the server too"
        };
        again = true;
        if !quiet {
            to_stderr(&format!("\n{}\n", theme.bold(&format!("{}: {work} {ending}", word.name()))));
        }
    };
    let _until_the_end = tokio::task::spawn_local(stop_at_a_word(Words::listen()?, Rc::new(canceller), say));
    Ok(cancel)
}

/// Cancels at the first word, and says each of them.
pub(crate) async fn stop_at_a_word(
    mut words: Words,
    canceller: Rc<Canceller>,
    mut say: impl FnMut(Word),
) -> Infallible {
    loop {
        let word = words.next().await;
        canceller.cancel_by(word.name());
        say(word);
    }
}
