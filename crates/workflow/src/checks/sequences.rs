//! Sequences that would hand out a value that is there already: after a restore by hand, after a
//! table was filled anew, after `RESTART`.
//!
//! A sequence belongs to a column where the column owns it or takes its default from it. Values
//! outside of the sequence's bounds never meet it and don't count; nor do columns whose default does
//! more with the value than take it, nor sequences that begin anew by design (`CYCLE`).

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use switchback_model::{Failure, Result, code};
use switchback_postgres::Row;
use switchback_postgres::digest::SequenceFacts;

use super::shared::names::{Relation, counted};
use super::shared::reach::Mentions;
use super::{Check, CheckCx, CheckResult, Flaws, Sessions};

const NAME: &str = "sequences";

/// Every column with a sequence, by ownership or by default (also by the old form that takes a text,
/// of which the server records no dependency). A partition's copy of its parent's is left out.
const USED: &str = r"
with used as materialized (
    select d.objid as sequence, d.refobjid as relation, d.refobjsubid::int2 as number
      from pg_depend d
     where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
       and d.deptype in ('a', 'i') and d.refobjsubid > 0
    union
    select d.refobjid, f.adrelid, f.adnum
      from pg_depend d join pg_attrdef f on f.oid = d.objid
     where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'n'
    union
    select coalesce(to_regclass(t.name), to_regclass(quote_ident(n.nspname) || '.' || t.name),
                    to_regclass('public.' || t.name)), f.adrelid, f.adnum
      from pg_attrdef f join pg_class c on c.oid = f.adrelid join pg_namespace n on n.oid = c.relnamespace,
           lateral (select substring(pg_get_expr(f.adbin, f.adrelid) from 'nextval\(\(?''([^'']+)''::text') as name) t
     where t.name is not null
)
select format('%I.%I', sn.nspname, s.relname) as sequence,
       format('%I.%I', n.nspname, c.relname) as relation,
       quote_ident(a.attname) as attribute,
       q.seqincrement as increment, q.seqmin as least, q.seqmax as most,
       not q.seqcycle and coalesce(nullif(t.typbasetype, 0), t.oid) in (20, 21, 23, 1700)
       and (a.attidentity <> '' or f.oid is null or pg_get_expr(f.adbin, f.adrelid)
            ~ '^\(?nextval\(\(?''[^'']+''(::text)?\)?(::regclass)?\)\)?(::[a-z ]+)?$') as comparable
  from used u
  join pg_class s on s.oid = u.sequence and s.relkind = 'S' join pg_namespace sn on sn.oid = s.relnamespace
  join pg_sequence q on q.seqrelid = s.oid
  join pg_class c on c.oid = u.relation and c.relkind in ('r', 'p') join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum = u.number and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef f on f.adrelid = c.oid and f.adnum = a.attnum
 where c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not (c.relispartition and exists (select from pg_inherits i join used p
             on p.relation = i.inhparent and p.sequence = u.sequence where i.inhrelid = c.oid))
 order by 1, 2, 3";

const INCREMENTS: &str = "
select format('%I.%I', n.nspname, c.relname), q.seqincrement
  from pg_sequence q join pg_class c on c.oid = q.seqrelid join pg_namespace n on n.oid = c.relnamespace";

/// The check.
pub(super) struct Sequences;

#[async_trait(?Send)]
impl Check for Sequences {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, cx: &CheckCx<'_>, sessions: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let positions = positions(sessions).await?;
        let mentions = Mentions::of(cx.scripts);
        let mut results: Vec<_> = positions
            .iter()
            .filter(|position| position.behind)
            .map(|position| behind(cx, position))
            .collect();
        let increments = sessions.rows(INCREMENTS).await?;
        for row in increments {
            let (sequence, increment): (String, i64) = (row.get(0), row.get(1));
            let of: Vec<_> =
                positions.iter().filter(|position| position.column.sequence == sequence).collect();
            if !of.iter().any(|position| position.behind) {
                results.extend(lowered(cx, &mentions, &sequence, increment, &of));
            }
        }
        if results.is_empty() {
            let number = i64::try_from(positions.len()).unwrap_or_default();
            let columns = counted(number, "column", "columns");
            results.push(CheckResult::ok(NAME, format!("ahead of {columns} that they fill")));
        }
        Ok(results)
    }
}

/// The sequences that are behind.
///
/// # Errors
/// As [`Sessions::rows`].
pub(super) async fn flaws(sessions: &Sessions<'_>) -> Result<Flaws> {
    let positions = positions(sessions).await?;
    Ok(positions.iter().filter(|position| position.behind).map(|position| (position.key(), 1)).collect())
}

/// A column and the sequence that fills it; names as SQL needs them.
struct Column {
    sequence: String,
    relation: String,
    attribute: String,
    increment: i64,
    least: i64,
    most: i64,
}

/// Where a sequence stands against its column.
struct Position {
    column: Column,
    last_value: i64,
    /// The largest value of the column, or the least where the sequence counts down.
    top: Option<String>,
    behind: bool,
}

impl Column {
    fn of(row: &Row) -> Self {
        Self {
            sequence: row.get("sequence"),
            relation: row.get("relation"),
            attribute: row.get("attribute"),
            increment: row.get("increment"),
            least: row.get("least"),
            most: row.get("most"),
        }
    }

    /// The bounds let the server answer from an index, where the column has one.
    fn sql(&self) -> String {
        let Self { sequence, relation, attribute, increment, least, most } = self;
        let (top, against) = if *increment > 0 { ("max", "<=") } else { ("min", ">=") };
        format!(
            "select s.last_value, t.top::text, coalesce((s.last_value::numeric + case when s.is_called then \
             ({increment})::numeric else 0 end) {against} t.top, false) \
             from {sequence} s, (select {top}({attribute}) as top from {relation} \
             where {attribute} between ({least})::int8 and ({most})::int8) t"
        )
    }
}

impl Position {
    fn key(&self) -> String {
        format!("sequence {}", self.column.sequence)
    }
}

async fn positions(sessions: &Sessions<'_>) -> Result<Vec<Position>> {
    let rows = sessions.rows(USED).await?;
    let columns = rows.iter().filter(|row| row.get("comparable")).map(Column::of);
    let read = columns.map(async |column| {
        let rows = sessions.rows(&column.sql()).await?;
        let row = rows.first().ok_or_else(|| Failure::new(code::INTERNAL, "a sequence gave no row"))?;
        Ok(Position { last_value: row.get(0), top: row.get(1), behind: row.get(2), column })
    });
    try_join_all(read).await
}

fn behind(cx: &CheckCx<'_>, position: &Position) -> CheckResult {
    let Column { sequence, relation, attribute, .. } = &position.column;
    let detail = format!(
        "{sequence} is at {} and {relation}.{attribute} at {}: values would be handed out again",
        position.last_value,
        position.top.as_deref().unwrap_or("none"),
    );
    if was_behind(cx, position) {
        CheckResult::warning(NAME, format!("{detail}; as before"))
    } else {
        CheckResult::failed(NAME, detail)
    }
}

fn was_behind(cx: &CheckCx<'_>, position: &Position) -> bool {
    let Some(before) = cx.before else { return false };
    if let Some(flaws) = &before.flaws {
        return flaws.contains_key(&position.key());
    }
    let (sequence, relation) = (&position.column.sequence, &position.column.relation);
    same(&before.data.sequences, &cx.after.data.sequences, sequence)
        && same(&before.data.tables, &cx.after.data.tables, relation)
}

fn same<T: PartialEq>(before: &BTreeMap<String, T>, after: &BTreeMap<String, T>, name: &str) -> bool {
    before.get(name).is_some_and(|then| Some(then) == after.get(name))
}

/// A sequence that would hand out again what it handed out before the restore point. Where it is
/// ahead of its columns and a script names it or its table, somebody set it (`setval` to the largest
/// value, say): a person should know, no more.
fn lowered(
    cx: &CheckCx<'_>,
    mentions: &Mentions,
    sequence: &str,
    increment: i64,
    columns: &[&Position],
) -> Option<CheckResult> {
    let then = cx.before?.data.sequences.get(sequence)?;
    let now = cx.after.data.sequences.get(sequence)?;
    let next = i128::from(now.last_value) + if now.is_called { i128::from(increment) } else { 0 };
    let given = i128::from(then.last_value);
    let again = if increment > 0 { next <= given } else { next >= given };
    if !then.is_called || !again {
        return None;
    }
    let said = |name: &str| Relation::of(name).is_some_and(|relation| mentions.has(&relation.name));
    let meant = said(sequence) || columns.iter().any(|position| said(&position.column.relation));
    let detail = format!("{sequence} was at {} and is at {}", then.last_value, text(now));
    Some(if meant && !columns.is_empty() {
        CheckResult::warning(
            NAME,
            format!("{detail}, ahead of its rows: values of rows that are gone come again"),
        )
    } else {
        CheckResult::failed(NAME, format!("{detail}: values would be handed out again"))
    })
}

fn text(sequence: &SequenceFacts) -> String {
    format!("{}{}", sequence.last_value, if sequence.is_called { "" } else { " (not yet used)" })
}
