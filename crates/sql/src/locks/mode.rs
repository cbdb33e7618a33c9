//! The modes of locks on tables.

/// A mode, weakest first (PostgreSQL manual, 13.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// `SELECT`.
    AccessShare,
    /// `SELECT FOR UPDATE`.
    RowShare,
    /// `INSERT`, `UPDATE`, `DELETE`.
    RowExclusive,
    /// `VACUUM`, `ANALYZE`, `CREATE INDEX CONCURRENTLY`, `VALIDATE CONSTRAINT`.
    ShareUpdateExclusive,
    /// `CREATE INDEX`.
    Share,
    /// `CREATE TRIGGER`, `ADD FOREIGN KEY`.
    ShareRowExclusive,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Exclusive,
    /// `DROP TABLE`, most of `ALTER TABLE`.
    AccessExclusive,
}

/// Every mode, weakest first.
pub const MODES: [Mode; 8] = [
    Mode::AccessShare,
    Mode::RowShare,
    Mode::RowExclusive,
    Mode::ShareUpdateExclusive,
    Mode::Share,
    Mode::ShareRowExclusive,
    Mode::Exclusive,
    Mode::AccessExclusive,
];

impl Mode {
    /// As the manual writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Whether two sessions can't hold these at once (PostgreSQL manual, table 13.2).
    pub fn conflicts(self, other: Self) -> bool {
        use Mode::{
            AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive,
            ShareUpdateExclusive,
        };
        let (weak, strong) = if self <= other { (self, other) } else { (other, self) };
        match strong {
            AccessShare | RowShare | RowExclusive => false,
            ShareUpdateExclusive => weak == ShareUpdateExclusive,
            Share => matches!(weak, RowExclusive | ShareUpdateExclusive),
            ShareRowExclusive => weak >= RowExclusive,
            Exclusive => weak >= RowShare,
            AccessExclusive => true,
        }
    }

    /// Nobody can read meanwhile.
    pub fn blocks_reads(self) -> bool {
        self.conflicts(Self::AccessShare)
    }

    /// Nobody can write meanwhile.
    pub fn blocks_writes(self) -> bool {
        self.conflicts(Self::RowExclusive)
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
