//! The line between operator and server: a socket before the server's own, that can be cut at a
//! COMMIT, stalled, and be down for a while. It reads no more of the protocol than it needs
//! (PostgreSQL manual, 54.7).

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::draw::{Cut, CutWhen};

/// How long the server may take to answer a COMMIT whose answer is thrown away.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the server does not hear of an end that is unheard.
const UNHEARD: Duration = Duration::from_secs(4);
/// Requests for encryption and for cancelling begin like this; the first are answered by one byte.
const REQUESTS: std::ops::RangeInclusive<u32> = 80_877_102..=80_877_104;

/// The line; it ends with the case.
pub(crate) struct Line {
    folder: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    server: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    armed: Option<Cut>,
    cuts: u64,
    down_until: Option<Instant>,
    stalled_until: Option<Instant>,
    connections: u64,
    open: BTreeMap<u64, (UnixStream, UnixStream)>,
}

impl Line {
    /// A line to the server with this socket.
    pub(crate) fn to(server: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("sb-line-").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let shared = Arc::new(Shared { server: server.to_owned(), state: Mutex::default() });
        let answering = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = answering.clone();
                // A server that is down is what the client hears, too.
                std::thread::spawn(move || drop(shared.carry(client)));
            }
        });
        Self { folder, shared }
    }

    /// Where it begins, as a host of a URL.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Cuts it, now or at the next COMMIT.
    pub(crate) fn cut(&self, cut: Cut) {
        if cut.when == CutWhen::Now {
            self.shared.cut(cut);
        } else {
            self.shared.state.lock().unwrap().armed = Some(cut);
        }
    }

    /// How often it was cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.shared.state.lock().unwrap().cuts
    }

    /// Lets nothing through for a while.
    pub(crate) fn stall(&self, ms: u64) {
        self.shared.state.lock().unwrap().stalled_until = Some(Instant::now() + Duration::from_millis(ms));
    }

    /// Everything comes through again, and no cut is waited for any more.
    pub(crate) fn mend(&self) {
        let mut state = self.shared.state.lock().unwrap();
        (state.armed, state.down_until, state.stalled_until) = (None, None, None);
    }
}

impl Shared {
    fn cut(&self, cut: Cut) {
        let mut state = self.state.lock().unwrap();
        state.cuts += 1;
        state.armed = None;
        state.down_until = Some(Instant::now() + Duration::from_millis(cut.down));
        let open = std::mem::take(&mut state.open);
        drop(state);
        for (client, _) in open.values() {
            drop(client.shutdown(Shutdown::Both));
        }
        std::thread::spawn(move || {
            if cut.unheard {
                pause(UNHEARD);
            }
            for (_, server) in open.values() {
                drop(server.shutdown(Shutdown::Both));
            }
        });
    }

    fn is_down(&self) -> bool {
        self.state.lock().unwrap().down_until.is_some_and(|until| Instant::now() < until)
    }

    fn wait_while_stalled(&self) {
        loop {
            let until = self.state.lock().unwrap().stalled_until;
            match until.and_then(|until| until.checked_duration_since(Instant::now())) {
                Some(rest) => pause(rest),
                None => return,
            }
        }
    }

    /// What to do with this message of a client.
    fn armed_for(&self, message: &[u8]) -> Option<Cut> {
        let is_commit = message.first() == Some(&b'Q')
            && message.to_ascii_lowercase().windows(6).any(|word| word == b"commit");
        let armed = self.state.lock().unwrap().armed;
        armed.filter(|_| is_commit)
    }

    fn carry(&self, client: UnixStream) -> io::Result<()> {
        if self.is_down() {
            return Ok(());
        }
        let server = UnixStream::connect(&self.server)?;
        let number = self.opened(&client, &server)?;
        // Whoever hangs up ends it.
        drop(self.messages(client, server));
        self.hung_up(number);
        Ok(())
    }

    fn opened(&self, client: &UnixStream, server: &UnixStream) -> io::Result<u64> {
        let pair = (client.try_clone()?, server.try_clone()?);
        let mut state = self.state.lock().unwrap();
        state.connections += 1;
        let number = state.connections;
        state.open.insert(number, pair);
        Ok(number)
    }

    fn messages(&self, mut client: UnixStream, mut server: UnixStream) -> io::Result<()> {
        let (back, answered) = channel();
        let (from, to) = (server.try_clone()?, client.try_clone()?);
        let thrown_away = Arc::new(Mutex::new(false));
        let quiet = thrown_away.clone();
        std::thread::spawn(move || answers(from, to, &quiet, &back));
        hello(&mut client, &mut server)?;
        loop {
            let message = message(&mut client)?;
            self.wait_while_stalled();
            match self.armed_for(&message) {
                None => server.write_all(&message)?,
                Some(cut) => {
                    if cut.when == CutWhen::AfterCommit {
                        *thrown_away.lock().unwrap() = true;
                        drain(&answered);
                        server.write_all(&message)?;
                        // Done, or so slow that it is cut in the middle of it.
                        let _done = answered.recv_timeout(ANSWER);
                    }
                    self.cut(cut);
                    return Ok(());
                }
            }
        }
    }

    /// A client hung up: the server hears of it, where the line was not cut before.
    fn hung_up(&self, number: u64) {
        if let Some((_, server)) = self.state.lock().unwrap().open.remove(&number) {
            drop(server.shutdown(Shutdown::Both));
        }
    }
}

fn drain(answered: &Receiver<()>) {
    while answered.try_recv().is_ok() {}
}

/// What comes before the first message with a type: requests for encryption, then who it is.
fn hello(client: &mut UnixStream, server: &mut UnixStream) -> io::Result<()> {
    loop {
        let mut head = [0; 8];
        client.read_exact(&mut head)?;
        let mut rest = vec![0; length(&head[..4])?.saturating_sub(8)];
        client.read_exact(&mut rest)?;
        server.write_all(&[&head[..], &rest].concat())?;
        if !REQUESTS.contains(&u32::from_be_bytes([head[4], head[5], head[6], head[7]])) {
            return Ok(());
        }
    }
}

/// One message: a type, a length that counts itself, and what it says.
fn message(client: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    client.read_exact(&mut head)?;
    let mut body = vec![0; length(&head[1..])?.saturating_sub(4)];
    client.read_exact(&mut body)?;
    Ok([&head[..], &body].concat())
}

fn length(bytes: &[u8]) -> io::Result<usize> {
    let bytes: [u8; 4] = bytes.try_into().unwrap();
    usize::try_from(u32::from_be_bytes(bytes)).map_err(io::Error::other)
}

/// Carries the server's answers, but for those that are thrown away.
fn answers(mut server: UnixStream, mut client: UnixStream, thrown_away: &Mutex<bool>, heard: &Sender<()>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count) = server.read(&mut buffer) {
        // Nobody may listen.
        let _nobody = heard.send(());
        if count == 0 || !*thrown_away.lock().unwrap() && client.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
}

#[expect(clippy::disallowed_methods, reason = "the line itself is what is slow")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
