//! Input that nobody meant to write: every file of a corpus as it is, and many times damaged, the
//! same for the same seed.

#![allow(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test's seed is shown, and set from outside"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;

/// How long one input may take to be read, refused or not.
const PATIENCE: Duration = Duration::from_secs(2);
/// Damaged copies of each file.
const ROUNDS: u64 = 400;
/// What parsers stumble over.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\xff\xfe",
    b"\xc3",
    "\u{202e}".as_bytes(),
    b"'",
    b"\"",
    b"\"\"\"",
    b"$$",
    b"$a$",
    b"/*",
    b"*/",
    b"--",
    b"\\",
    b"\r\n",
    b"\n\n",
    b"../",
    b"/etc/passwd",
    b"{",
    b"}",
    b"[[",
    b"]]",
    b"(((((((((",
    b"))))",
    b"${",
    b"${HOME}",
    b"%s",
    b"%00",
    b"-1",
    b"18446744073709551616",
    b"1e309",
    b"NaN",
    b"null",
    b"=",
    b"#",
    b";",
    b"\t",
    b"BEGIN ATOMIC",
    b"COPY x FROM stdin;\n",
    b"\\.",
    b"E'\\'",
    b"U&'\\",
];

/// Gives `read` every file of the corpus `folder`, and each of them damaged in many ways.
///
/// The seed is printed; `SWITCHBACK_HOSTILE_SEED` sets it, `SWITCHBACK_HOSTILE_ROUNDS` how many
/// damaged copies of each file there are.
///
/// # Panics
/// Where `read` panics or takes longer than two seconds; the input is kept then, and named.
pub fn feed(folder: &Path, read: impl Fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("SWITCHBACK_HOSTILE_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("hostile input of {}: SWITCHBACK_HOSTILE_SEED={seed}", folder.display());
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let whole: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let mut random = Rng::with_seed(seed);
    for input in &whole {
        check(input, &read);
        for _ in 0..number("SWITCHBACK_HOSTILE_ROUNDS").unwrap_or(ROUNDS) {
            check(&damaged(input, &whole, &mut random), &read);
        }
    }
}

fn check(input: &[u8], read: &impl Fn(&[u8])) {
    let kept = std::env::temp_dir().join(format!("switchback-hostile-{}", std::process::id()));
    let begin = Instant::now();
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(input)));
    let took = begin.elapsed();
    if done.is_err() || took > PATIENCE {
        std::fs::write(&kept, input).unwrap();
        panic!("{took:?}, {} bytes of input kept in {}", input.len(), kept.display());
    }
}

/// One to six wounds.
fn damaged(input: &[u8], others: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.usize(1..=6) {
        let place = random.usize(..=bytes.len());
        let end = (place + random.usize(..64)).min(bytes.len());
        match random.u8(..8) {
            0 if place < bytes.len() => bytes[place] ^= 1 << random.u8(..8),
            1 => bytes.truncate(place),
            2 => drop(bytes.drain(place..end)),
            3 => {
                let piece = bytes[place..end].to_vec();
                bytes.splice(place..place, piece.repeat(random.usize(1..20)));
            }
            4 => {
                let other = &others[random.usize(..others.len())];
                let from = random.usize(..=other.len());
                bytes.splice(place..end, other[from..(from + 200).min(other.len())].iter().copied());
            }
            _ => {
                let token = TOKENS[random.usize(..TOKENS.len())];
                bytes.splice(place..place, token.iter().copied());
            }
        }
    }
    bytes
}
