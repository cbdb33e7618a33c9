//! What a case is, drawn from its seed alone: so the same seed is the same case.

use std::fmt;

use fastrand::Rng;
use switchback_testkit::Shape;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// SIGKILL for Switchback alone; its children die with it.
    KillProgram,
    /// SIGKILL for Switchback and all that it started.
    KillTree,
    /// SIGKILL for Switchback in the middle of a write to its journal.
    TearJournal,
    /// SIGKILL for a program that Switchback runs.
    KillChild(Child),
    /// SIGKILL for the application.
    KillApplication,
    /// The server ends at once, and is started again after so many milliseconds.
    StopServer { down: u64 },
    /// SIGKILL for one of the server's backends: it ends all sessions and recovers by itself.
    KillBackend,
    /// `pg_terminate_backend` for one or for all sessions of Switchback.
    EndSessions { all: bool },
    /// No room is left on the disk, for so many milliseconds.
    Fill(Full, u64),
    /// The operator's clock is set.
    StepClock(&'static str),
    /// PgBouncer between application and server dies and is started again.
    RestartPooler { down: u64 },
    /// A second operator on the same host types this.
    SecondOperator(&'static str),
    /// A second operator on another host wants to deploy.
    FarOperator,
    /// The line between operator and server is cut.
    Cut(Cut),
    /// Nothing comes through between operator and server for so many milliseconds.
    Stall { ms: u64 },
}

/// A program that Switchback runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Child {
    PgDump,
    PgRestore,
    Migrator,
    Git,
}

/// What a full disk holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Full {
    Backup,
    Journal,
    Wal,
}

/// How a line is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    pub(crate) when: CutWhen,
    /// For so many milliseconds nobody comes through.
    pub(crate) down: u64,
    /// The server hears of it only then, as it does where packets vanish.
    pub(crate) unheard: bool,
}

/// At which message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CutWhen {
    /// The next COMMIT does not come to the server.
    BeforeCommit,
    /// The next COMMIT is done, and its answer does not come back.
    AfterCommit,
    /// Whatever is on its way.
    Now,
}

/// When it happens, in fractions of what a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    /// This far into the journal's entries.
    Entry(f64),
    /// So many milliseconds after a step began.
    Step(f64, u64),
    /// So many milliseconds after the command began.
    Time(u64),
}

/// One fault of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    pub(crate) moment: Moment,
    /// In which of the case's commands: 0 is the deploy.
    pub(crate) command: usize,
}

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) number: u64,
    pub(crate) shape: Shape,
    pub(crate) faults: Vec<Planned>,
    /// What is typed first when a run is left open.
    pub(crate) way_on: &'static str,
    /// Whether a run that succeeded is taken back afterwards.
    pub(crate) rolled_back: bool,
    /// Whether, in the end, one more deploy has to go through.
    pub(crate) once_more: bool,
}

const WHOLE: Shape = Shape { service: true, code: true, page: true, ..Shape::BARE };

/// The shapes of hosts; the first ones have an application that runs.
const SHAPES: [Shape; 11] = [
    WHOLE,
    Shape { tool: "sql", ..WHOLE },
    Shape { restore_point: "dump", page: false, ..WHOLE },
    Shape { restore_point: "down", code: false, page: false, ..WHOLE },
    Shape { fence: "read-only", page: false, ..WHOLE },
    Shape { fence: "read-only", restore_point: "down", tool: "sql", ..WHOLE },
    Shape::BARE,
    Shape { tool: "sql", ..Shape::BARE },
    Shape { page: true, ..Shape::BARE },
    Shape { restore_point: "dump", code: true, page: true, tool: "sql", ..Shape::BARE },
    Shape { restore_point: "down", code: true, tool: "sql", ..Shape::BARE },
];

impl Case {
    /// The case of a seed and a number.
    pub(crate) fn draw(seed: u64, number: u64) -> Self {
        let mut random = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number);
        let mut faults: Vec<Planned> = Vec::new();
        for index in 0..[2, 3, 3, 4, 5][random.usize(..5)] {
            let fault = draw_fault(&mut random);
            let command = if index == 0 { 0 } else { [0, 0, 0, 1, 1][random.usize(..5)] };
            let moment = draw_moment(&mut random, command);
            if faults.iter().all(|other| fit(other.fault, fault)) {
                faults.push(Planned { fault, moment, command });
            }
        }
        let has = |wanted: Fault| faults.iter().any(|planned| planned.fault == wanted);
        let fills_journal =
            faults.iter().any(|planned| matches!(planned.fault, Fault::Fill(Full::Journal, _)));
        let shapes: Vec<Shape> = SHAPES
            .into_iter()
            .filter(|shape| !has(Fault::KillChild(Child::Git)) || shape.code)
            .filter(|shape| {
                !(has(Fault::KillApplication) && !shape.service || fills_journal && shape.service)
            })
            .collect();
        let shape = shapes[random.usize(..shapes.len())];
        let way_on = ["resume", "resume", "rollback", "abort"][random.usize(..4)];
        let later = faults.iter().any(|planned| planned.command > 0);
        let rolled_back = later || random.u8(..3) == 0;
        Self { seed, number, shape, faults, way_on, rolled_back, once_more: random.u8(..8) == 0 }
    }

    /// Whether one of its faults is like this.
    pub(crate) fn any(&self, like: impl Fn(Fault) -> bool) -> bool {
        self.faults.iter().any(|planned| like(planned.fault))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { fence, restore_point, service, code, page, tool, .. } = self.shape;
        write!(f, "seed {} case {}: {fence} {restore_point} {tool}", self.seed, self.number)?;
        for (there, name) in [(service, "service"), (code, "code"), (page, "page")] {
            if there {
                write!(f, " {name}")?;
            }
        }
        Ok(())
    }
}

/// The line to the server is either the operator's own or the pooler's, and the journal's disk is
/// changed under a host without a service only.
fn fit(one: Fault, other: Fault) -> bool {
    let cut = |fault: Fault| matches!(fault, Fault::Cut(_) | Fault::Stall { .. });
    let pooled = |fault: Fault| matches!(fault, Fault::RestartPooler { .. });
    let journal = |fault: Fault| matches!(fault, Fault::Fill(Full::Journal, _));
    let pair =
        |a: &dyn Fn(Fault) -> bool, b: &dyn Fn(Fault) -> bool| a(one) && b(other) || b(one) && a(other);
    !pair(&cut, &pooled) && !pair(&journal, &|fault| fault == Fault::KillApplication)
}

fn draw_fault(random: &mut Rng) -> Fault {
    let few = random.u64(..400);
    let some = random.u64(..2500);
    match random.u8(..36) {
        0..4 => Fault::KillProgram,
        4..6 => Fault::KillTree,
        6..8 => Fault::TearJournal,
        8..10 => Fault::KillChild(Child::PgDump),
        10..12 => Fault::KillChild(Child::PgRestore),
        12..15 => Fault::KillChild(Child::Migrator),
        15 => Fault::KillChild(Child::Git),
        16 => Fault::KillApplication,
        17..20 => Fault::StopServer { down: some },
        20 => Fault::KillBackend,
        21..24 => Fault::EndSessions { all: random.bool() },
        24 => Fault::Fill(Full::Backup, 500 + some),
        25 => Fault::Fill(Full::Journal, 500 + some),
        26 => Fault::Fill(Full::Wal, 500 + some),
        27 => Fault::StepClock(["-1h", "+1h", "-3d", "+40d", "-2s"][random.usize(..5)]),
        28 => Fault::RestartPooler { down: few },
        29 => Fault::SecondOperator(["deploy", "resume", "rollback", "abort"][random.usize(..4)]),
        30 => Fault::FarOperator,
        31 => Fault::Stall { ms: some },
        _ => {
            let when = [CutWhen::BeforeCommit, CutWhen::AfterCommit, CutWhen::AfterCommit, CutWhen::Now]
                [random.usize(..4)];
            Fault::Cut(Cut { when, down: few * 4, unheard: random.bool() })
        }
    }
}

/// The deploy is known step by step; what is typed after it is shorter, and begins anywhere.
fn draw_moment(random: &mut Rng, command: usize) -> Moment {
    let fraction = random.f64();
    let ms = random.u64(..250);
    match (random.u8(..5), command) {
        (0 | 1, 0) => Moment::Entry(fraction),
        (2 | 3, 0) => Moment::Step(fraction, ms),
        (0..=2, _) => Moment::Entry(fraction / 3.0),
        _ => Moment::Time(ms * 12),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillProgram => f.write_str("kill -9 of Switchback"),
            Self::KillTree => f.write_str("kill -9 of Switchback and its children"),
            Self::TearJournal => f.write_str("torn journal"),
            Self::KillChild(child) => write!(f, "kill -9 of {}", child.name()),
            Self::KillApplication => f.write_str("kill -9 of the application"),
            Self::StopServer { down } => write!(f, "server down at once for {down} ms"),
            Self::KillBackend => f.write_str("kill -9 of a backend"),
            Self::EndSessions { all: true } => f.write_str("all our sessions terminated"),
            Self::EndSessions { all: false } => f.write_str("one of our sessions terminated"),
            Self::Fill(what, ms) => write!(f, "disk of the {} full for {ms} ms", what.name()),
            Self::StepClock(by) => write!(f, "clock stepped by {by}"),
            Self::RestartPooler { down } => write!(f, "PgBouncer killed, back after {down} ms"),
            Self::SecondOperator(word) => write!(f, "second operator types {word}"),
            Self::FarOperator => f.write_str("operator on another host deploys"),
            Self::Cut(cut) => {
                let when = match cut.when {
                    CutWhen::BeforeCommit => "before COMMIT",
                    CutWhen::AfterCommit => "after COMMIT",
                    CutWhen::Now => "anywhere",
                };
                write!(f, "line cut {when} for {} ms{}", cut.down, if cut.unheard { ", unheard" } else { "" })
            }
            Self::Stall { ms } => write!(f, "line stalled for {ms} ms"),
        }
    }
}

impl Child {
    fn name(self) -> &'static str {
        match self {
            Self::PgDump => "pg_dump",
            Self::PgRestore => "pg_restore",
            Self::Migrator => "the migrator",
            Self::Git => "git",
        }
    }

    /// What the kernel calls it. The migrator for plain SQL is Switchback itself, as a child.
    pub(crate) fn commands(self, tool: &str) -> &'static [&'static str] {
        match self {
            Self::PgDump => &["pg_dump"],
            Self::PgRestore => &["pg_restore"],
            Self::Git => &["git"],
            Self::Migrator if tool == "sql" => &["switchback"],
            Self::Migrator => &["psql", "migrate"],
        }
    }
}

impl Full {
    fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Journal => "journal",
            Self::Wal => "write-ahead log",
        }
    }
}
