//! A client of PostgreSQL's wire protocol that is as cheap as one can be: most of what it asks for
//! is refused, and the server's answer is all that counts (PostgreSQL manual, 55.2).

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server said so: SQLSTATE and its words.
    Said(String, String),
    /// The connection broke.
    Broken(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// A session.
pub(crate) struct Wire(BufReader<UnixStream>);

impl Wire {
    /// Connects with these parameters (`user`, `database`, `options`, …).
    pub(crate) fn connect(socket: &Path, parameters: &[(&str, &str)]) -> Result<Self, Refusal> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in parameters {
            body.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
        }
        body.push(0);
        let mut wire = Self(BufReader::new(stream));
        wire.send(&[], &body)?;
        wire.until_ready()?;
        Ok(wire)
    }

    /// Runs statements; whether they were acknowledged.
    pub(crate) fn run(&mut self, sql: &str) -> Result<(), Refusal> {
        let body: Vec<u8> = sql.bytes().chain([0]).collect();
        self.send(b"Q", &body)?;
        self.until_ready()
    }

    fn send(&mut self, kind: &[u8], body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.0.get_mut().write_all(&[kind, &length, body].concat())
    }

    /// Reads up to the server's word that it waits for the next statement.
    fn until_ready(&mut self) -> Result<(), Refusal> {
        let mut said = None;
        loop {
            let mut head = [0; 5];
            if let Err(error) = self.0.read_exact(&mut head) {
                // After a fatal error the server hangs up.
                return Err(said.unwrap_or(Refusal::Broken(error)));
            }
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0; usize::try_from(length).unwrap() - 4];
            self.0.read_exact(&mut body)?;
            match head[0] {
                b'E' => said = Some(refusal(&body)),
                b'Z' => return said.map_or(Ok(()), Err),
                _ => {}
            }
        }
    }
}

fn refusal(body: &[u8]) -> Refusal {
    let field = |kind: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        let found = fields.find(|field| field.first() == Some(&kind)).unwrap_or_default();
        String::from_utf8_lossy(found.get(1..).unwrap_or_default()).into_owned()
    };
    Refusal::Said(field(b'C'), field(b'M'))
}
