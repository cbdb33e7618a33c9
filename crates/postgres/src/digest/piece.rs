//! One query's worth of reading: a relation, a range of its blocks, or a group of large objects.

use std::ops::AddAssign;

use switchback_model::{Failure, Result, code};
use tokio_postgres::Row;

use super::facts::TableFacts;
use crate::session::Session;

/// A big table is read in pieces of about this size, its TOAST data included.
const PIECE_BYTES: i64 = 64 << 20;

/// A large object is read in pieces of this size.
const LARGE_OBJECT_BYTES: i32 = 8 << 20;

/// What one piece holds. Sums of pieces are sums of the whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    rows: i64,
    hashes: [i128; 2],
}

impl Sums {
    /// From a row of count and two sums as text; a sum over nothing is null.
    fn of(row: &Row) -> Result<Self> {
        let sum = |index: usize| match row.get::<_, Option<&str>>(index) {
            None => Ok(0),
            Some(text) => text.parse::<i128>().map_err(|error| {
                Failure::new(code::INTERNAL, format!("a sum of hashes is no integer: {text}")).because(&error)
            }),
        };
        Ok(Self { rows: row.get(0), hashes: [sum(1)?, sum(2)?] })
    }

    pub(super) fn facts(&self) -> TableFacts {
        TableFacts { rows: self.rows, digest: format!("{:x}:{:x}", self.hashes[0], self.hashes[1]) }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.hashes[0] = self.hashes[0].wrapping_add(other.hashes[0]);
        self.hashes[1] = self.hashes[1].wrapping_add(other.hashes[1]);
    }
}

/// What a piece is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Table(String),
    LargeObjects,
}

/// One query's worth of reading.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) part: Part,
    /// About how much there is to read.
    pub(super) bytes: i64,
    reading: Reading,
}

#[derive(Debug)]
enum Reading {
    Rows(String),
    LargeObjects { first: u32, last: u32 },
}

/// A relation as `relations.sql` gives it.
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) left_out: Option<String>,
    condition: String,
    is_heap: bool,
    blocks: i64,
    bytes: i64,
}

impl Relation {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            name: row.get("name"),
            kind: row.get("kind"),
            left_out: row.get("left_out"),
            condition: row.get("condition"),
            is_heap: row.get("is_heap"),
            blocks: row.get("blocks"),
            bytes: row.get("bytes"),
        }
    }

    /// The pieces it is read in. `divide` cuts a big table at block numbers; the last piece has no
    /// end, so a table that grew since is covered too. Once a session has read one of them, its
    /// lock keeps the table from being rewritten, so no row moves between pieces.
    pub(super) fn pieces(&self, divide: bool) -> Vec<Piece> {
        let divide = divide && self.is_heap && self.condition.is_empty();
        let count = if divide { (self.bytes / PIECE_BYTES).clamp(1, self.blocks.max(1)) } else { 1 };
        let step = (self.blocks + count - 1) / count;
        let piece = |index: i64| {
            let condition = match (count, index) {
                (1, _) => self.condition.clone(),
                (_, 0) => format!("where x.ctid < '({step},0)'"),
                (n, i) if i == n - 1 => format!("where x.ctid >= '({},0)'", i * step),
                (_, i) => format!("where x.ctid >= '({},0)' and x.ctid < '({},0)'", i * step, (i + 1) * step),
            };
            Piece {
                part: Part::Table(self.name.clone()),
                bytes: self.bytes / count,
                reading: Reading::Rows(rows_query(&self.name, &condition)),
            }
        };
        (0..count).map(piece).collect()
    }
}

/// `offset 0` keeps the planner from writing out the text twice, once for each hash. The output
/// function is called by its name, for a cast to text could be a user's own.
fn rows_query(name: &str, condition: &str) -> String {
    format!(
        "select count(*), sum(hashtextextended(s, 0))::text, sum(hashtextextended(s, 1))::text \
         from (select textin(record_out(x.*)) collate \"C\" as s from only {name} as x {condition} offset 0) as rows"
    )
}

impl Piece {
    /// From a row of `large_objects.sql`.
    pub(super) fn large_objects(row: &Row) -> Self {
        let reading = Reading::LargeObjects { first: row.get("first"), last: row.get("last") };
        Self { part: Part::LargeObjects, bytes: row.get("bytes"), reading }
    }

    /// Reads it, in the view of `session`.
    pub(super) async fn read(&self, session: &Session) -> Result<Sums> {
        let read = match &self.reading {
            Reading::Rows(sql) => match session.one(sql, &[]).await {
                Ok(row) => Sums::of(&row),
                Err(failure) => Err(failure),
            },
            Reading::LargeObjects { first, last } => large_objects(session, *first, *last).await,
        };
        read.map_err(|failure| match &self.part {
            Part::Table(name) => failure.cause(format!("while reading {name}")),
            Part::LargeObjects => failure
                .cause("while reading large objects")
                .hint("connect as a role that may read every large object, such as their owner"),
        })
    }
}

/// Large objects by `lo_get`, which a role without superuser may call too: first the beginnings of
/// all of them, then what is left of those that are longer.
async fn large_objects(session: &Session, first: u32, last: u32) -> Result<Sums> {
    let sql = "select count(*), sum(hashtextextended(s, 0))::text, sum(hashtextextended(s, 1))::text, \
        array_agg(oid) filter (where length = $3) \
        from (select oid, oid || ':0:' || encode(sha256(data), 'hex') collate \"C\" as s, length(data) as length \
              from (select oid, lo_get(oid, 0, $3) as data from pg_largeobject_metadata \
                    where oid between $1 and $2 offset 0) as read offset 0) as objects";
    let row = session.one(sql, &[&first, &last, &LARGE_OBJECT_BYTES]).await?;
    let mut sums = Sums::of(&row)?;
    for oid in row.get::<_, Option<Vec<u32>>>(3).unwrap_or_default() {
        let mut rest = rest_of(session, oid).await?;
        rest.rows = 0;
        sums += rest;
    }
    Ok(sums)
}

async fn rest_of(session: &Session, oid: u32) -> Result<Sums> {
    let sql = "select count(*), sum(hashtextextended(s, 0))::text, sum(hashtextextended(s, 1))::text, \
        max(length) = $3 \
        from (select $1::oid || ':' || $2::int8 || ':' || encode(sha256(data), 'hex') collate \"C\" as s, \
                     length(data) as length \
              from (select lo_get($1, $2, $3) as data offset 0) as read offset 0) as object";
    let mut sums = Sums::default();
    let mut offset = i64::from(LARGE_OBJECT_BYTES);
    loop {
        let row = session.one(sql, &[&oid, &offset, &LARGE_OBJECT_BYTES]).await?;
        sums += Sums::of(&row)?;
        if !row.get::<_, bool>(3) {
            return Ok(sums);
        }
        offset += i64::from(LARGE_OBJECT_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(blocks: i64, bytes: i64) -> Relation {
        Relation {
            name: "app.t".to_owned(),
            kind: "r".to_owned(),
            left_out: None,
            condition: String::new(),
            is_heap: true,
            blocks,
            bytes,
        }
    }

    fn conditions(relation: &Relation) -> Vec<String> {
        let text = |piece: &Piece| match &piece.reading {
            Reading::Rows(sql) => {
                sql.split_once(" as x ").unwrap().1.split_once(" offset").unwrap().0.to_owned()
            }
            Reading::LargeObjects { .. } => unreachable!(),
        };
        relation.pieces(true).iter().map(text).collect()
    }

    #[test]
    fn pieces_cover_every_block_once() {
        assert_eq!(conditions(&relation(0, 0)), [""]);
        assert_eq!(conditions(&relation(8192, PIECE_BYTES)), [""]);
        assert_eq!(
            conditions(&relation(10, 3 * PIECE_BYTES)),
            [
                "where x.ctid < '(4,0)'",
                "where x.ctid >= '(4,0)' and x.ctid < '(8,0)'",
                "where x.ctid >= '(8,0)'",
            ]
        );
    }

    #[test]
    fn few_blocks_with_much_behind_them_are_at_most_one_piece_each() {
        assert_eq!(relation(2, 100 * PIECE_BYTES).pieces(true).len(), 2);
        assert_eq!(relation(2, 100 * PIECE_BYTES).pieces(false).len(), 1);
    }

    #[test]
    fn sums_of_pieces_are_sums_of_the_whole() {
        let mut sums = Sums { rows: 1, hashes: [-5, 7] };
        sums += Sums { rows: 2, hashes: [15, i128::from(i64::MAX)] };
        assert_eq!(sums.facts(), TableFacts { rows: 3, digest: "a:8000000000000006".to_owned() });
    }
}
