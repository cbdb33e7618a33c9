//! References between tables: declared as foreign keys, or only in the configuration.

use switchback_model::Result;
use switchback_postgres::Row;
use switchback_sql::{Kind, tokens};

use super::names::Relation;
use super::sessions::Sessions;

/// Why a reference is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A foreign key that the server enforces.
    Enforced,
    /// A foreign key that is not validated.
    Unvalidated,
    /// A foreign key that was there before.
    Dropped,
    /// The configuration names it.
    Configured,
}

/// A reference as it can be asked about. Names are written as SQL needs them.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// `constraint NAME on schema.table`, or `reference schema.table.column`.
    pub(crate) key: String,
    /// Why it is looked at.
    pub(crate) origin: Origin,
    /// The table that refers.
    pub(crate) child: String,
    /// Its columns.
    pub(crate) columns: Vec<String>,
    /// The table that is referred to.
    pub(crate) parent: String,
    /// Its columns.
    pub(crate) parent_columns: Vec<String>,
    /// How each pair is compared, the parent's column on the left.
    operators: Vec<String>,
    /// `MATCH FULL`: a key is null as a whole or not at all (PostgreSQL manual, CREATE TABLE).
    full: bool,
    /// The tables have no rows of children by inheritance that count.
    child_only: bool,
    parent_only: bool,
}

/// Every foreign key of the user. A partition's own copy of its parent's is left out. A temporal key
/// (PostgreSQL 18) compares periods: it is marked, not compared.
const DECLARED: &str = "
select format('constraint %I on %I.%I', k.conname, n.nspname, c.relname) as key,
       k.convalidated as validated,
       format('%I.%I', n.nspname, c.relname) as child,
       (select array_agg(quote_ident(a.attname) order by u.i) from unnest(k.conkey) with ordinality u(num, i)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num) as columns,
       format('%I.%I', pn.nspname, p.relname) as parent,
       (select array_agg(quote_ident(a.attname) order by u.i) from unnest(k.confkey) with ordinality u(num, i)
          join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num) as parent_columns,
       (select array_agg(format('operator(%I.%s)', s.nspname, o.oprname) order by u.i)
          from unnest(k.conpfeqop) with ordinality u(num, i)
          join pg_operator o on o.oid = u.num join pg_namespace s on s.oid = o.oprnamespace) as operators,
       k.confmatchtype = 'f' as full_match,
       c.relkind <> 'p' as child_only,
       p.relkind <> 'p' as parent_only,
       coalesce(to_jsonb(k) ->> 'conperiod', 'false')::bool as temporal
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_class p on p.oid = k.confrelid join pg_namespace pn on pn.oid = p.relnamespace
 where k.contype = 'f' and k.conparentid = 0
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by 1";

/// The tables and operators of one reference by name; no row where a table is gone, fewer operators
/// where a column is. Values are compared by `=` for their very types where there is one (`citext`
/// has it outside of `pg_catalog`).
const RESOLVED: &str = "
select format('%I.%I', n.nspname, c.relname) as child,
       format('%I.%I', pn.nspname, p.relname) as parent,
       array(select quote_ident(name) from unnest($5::text[]) with ordinality u(name, i) order by i) as columns,
       array(select quote_ident(name) from unnest($6::text[]) with ordinality u(name, i) order by i) as parent_columns,
       c.relkind = 'r' as plain_child, p.relkind = 'r' as plain_parent,
       array(select coalesce(
                    (select format('operator(%I.%s)', s.nspname, o.oprname)
                       from pg_operator o join pg_namespace s on s.oid = o.oprnamespace
                      where o.oprname = '=' and o.oprleft = coalesce(nullif(pt.typbasetype, 0), pt.oid)
                        and o.oprright = coalesce(nullif(ct.typbasetype, 0), ct.oid)
                      order by s.nspname <> 'pg_catalog', s.nspname limit 1), 'operator(pg_catalog.=)')
               from unnest($5::text[], $6::text[]) with ordinality w(child, parent, i)
               join pg_attribute ca on ca.attrelid = c.oid and ca.attname = w.child and ca.attnum > 0
               join pg_type ct on ct.oid = ca.atttypid
               join pg_attribute pa on pa.attrelid = p.oid and pa.attname = w.parent and pa.attnum > 0
               join pg_type pt on pt.oid = pa.atttypid
              where not ca.attisdropped and not pa.attisdropped
              order by w.i) as operators
  from pg_class c join pg_namespace n on n.oid = c.relnamespace,
       pg_class p join pg_namespace pn on pn.oid = p.relnamespace
 where n.nspname = $1 and c.relname = $2 and pn.nspname = $3 and p.relname = $4
   and c.relkind in ('r', 'p', 'f', 'm', 'v') and p.relkind in ('r', 'p', 'f', 'm', 'v')";

/// The foreign keys that the target declares now, and the keys of those that can't be compared.
///
/// # Errors
/// As [`Sessions::rows`].
pub(crate) async fn declared(sessions: &Sessions<'_>) -> Result<(Vec<Reference>, Vec<String>)> {
    let (mut references, mut temporal) = (Vec::new(), Vec::new());
    for row in sessions.rows(DECLARED).await? {
        if row.get("temporal") {
            temporal.push(row.get("key"));
        } else {
            references.push(Reference::of(&row));
        }
    }
    Ok((references, temporal))
}

/// A reference by names, as nobody may declare it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The table that refers.
    pub(crate) child: Relation,
    /// Its columns.
    pub(crate) columns: Vec<String>,
    /// The table that is referred to.
    pub(crate) parent: Relation,
    /// Its columns.
    pub(crate) parent_columns: Vec<String>,
    /// `MATCH FULL`.
    pub(crate) full: bool,
}

impl Named {
    /// The foreign key of a catalog's entry, where it is one.
    pub(crate) fn of(key: &str, definition: &str) -> Option<Self> {
        let child = key.strip_prefix("constraint ")?;
        let definition = definition.strip_prefix("FOREIGN KEY ")?;
        let (columns, rest) = bracketed(definition)?;
        let rest = rest.trim_start().strip_prefix("REFERENCES ")?;
        let (parent, _) = rest.split_at(opening(rest)?);
        let (parent_columns, rest) = bracketed(&rest[parent.len()..])?;
        Some(Self {
            child: table_of(child)?,
            columns,
            parent: Relation::of(parent)?,
            parent_columns,
            full: rest.contains("MATCH FULL"),
        })
    }

    /// Looks the tables, columns and operators up; nothing where one is not there.
    ///
    /// # Errors
    /// As [`Sessions::with`].
    pub(crate) async fn resolve(
        &self,
        sessions: &Sessions<'_>,
        key: String,
        origin: Origin,
    ) -> Result<Option<Reference>> {
        let row = sessions
            .with(async |session| {
                let (child, parent) = (&self.child, &self.parent);
                let names = [&child.schema, &child.name, &parent.schema, &parent.name];
                let [a, b, c, d] = names;
                session.optional(RESOLVED, &[a, b, c, d, &self.columns, &self.parent_columns]).await
            })
            .await?;
        let reference = row.map(|row| Reference {
            key,
            origin,
            child: row.get("child"),
            columns: row.get("columns"),
            parent: row.get("parent"),
            parent_columns: row.get("parent_columns"),
            operators: row.get("operators"),
            full: self.full,
            // A foreign key says nothing of inherited rows; a person who wrote a reference means all.
            child_only: origin == Origin::Dropped && row.get("plain_child"),
            parent_only: origin == Origin::Dropped && row.get("plain_parent"),
        });
        Ok(reference.filter(|reference| reference.operators.len() == self.columns.len()))
    }
}

impl Reference {
    fn of(row: &Row) -> Self {
        let validated: bool = row.get("validated");
        Self {
            key: row.get("key"),
            origin: if validated { Origin::Enforced } else { Origin::Unvalidated },
            child: row.get("child"),
            columns: row.get("columns"),
            parent: row.get("parent"),
            parent_columns: row.get("parent_columns"),
            operators: row.get("operators"),
            full: row.get("full_match"),
            child_only: row.get("child_only"),
            parent_only: row.get("parent_only"),
        }
    }

    /// `schema.child(a, b) → schema.parent(x, y)`.
    pub(crate) fn display(&self) -> String {
        let (columns, parents) = (self.columns.join(", "), self.parent_columns.join(", "));
        format!("{}({columns}) → {}({parents})", self.child, self.parent)
    }

    /// Counts the orphans: one anti-join.
    pub(crate) fn count_sql(&self) -> String {
        format!("select count(*) from ({}) as orphan", self.orphans())
    }

    /// Three keys of orphans, cut where they are long.
    pub(crate) fn examples_sql(&self) -> String {
        let key: Vec<_> =
            (0..self.columns.len()).map(|n| format!("coalesce(left(k{n}::text, 60), 'null')")).collect();
        let key = key.join(" || ', ' || ");
        format!("select {key} from ({}) as orphan group by 1 order by 1 limit 3", self.orphans())
    }

    /// The keys `k0`, `k1`, … of every row that refers to nothing.
    fn orphans(&self) -> String {
        let only = |only| if only { "only " } else { "" };
        let keys: Vec<_> =
            self.columns.iter().enumerate().map(|(n, name)| format!("c.{name} as k{n}")).collect();
        let from = format!("select {} from {}{} as c", keys.join(", "), only(self.child_only), self.child);
        let pairs = self.parent_columns.iter().zip(&self.operators).zip(&self.columns);
        let equal: Vec<_> =
            pairs.map(|((parent, operator), child)| format!("p.{parent} {operator} c.{child}")).collect();
        let null =
            |not: &str| self.columns.iter().map(|name| format!("c.{name} is{not} null")).collect::<Vec<_>>();
        let alone = format!(
            "{from} where {} and not exists (select from {}{} as p where {})",
            null(" not").join(" and "),
            only(self.parent_only),
            self.parent,
            equal.join(" and "),
        );
        if !self.full || self.columns.len() == 1 {
            return alone;
        }
        let (any, every) = (null("").join(" or "), null("").join(" and "));
        format!("{alone} union all {from} where ({any}) and not ({every})")
    }
}

/// The relation in `NAME on schema.table`.
fn table_of(text: &str) -> Option<Relation> {
    let mut found = tokens(text);
    let name = found.next()?;
    let on = found.next()?;
    let is_on = matches!(name.kind, Kind::Word | Kind::Name) && on.of(text) == "on";
    is_on.then(|| Relation::of(&text[on.end..])).flatten()
}

/// Where the first bracket stands outside of quotes.
fn opening(text: &str) -> Option<usize> {
    tokens(text).find(|token| token.of(text) == "(").map(|token| token.start)
}

/// The names in the brackets that `text` begins with, and what comes after them.
fn bracketed(text: &str) -> Option<(Vec<String>, &str)> {
    let (mut names, mut expected) = (Vec::new(), true);
    let mut found = tokens(text).skip_while(|token| token.of(text) == "(");
    loop {
        let token = found.next()?;
        match (token.of(text), token.kind) {
            (word, Kind::Word) if expected => names.push(word.to_owned()),
            (_, Kind::Name) if expected => names.push(token.inside(text).replace("\"\"", "\"")),
            (",", _) if !expected => {}
            (")", _) if !expected => return Some((names, &text[token.end..])),
            // `PERIOD name` of a temporal key is no list of names.
            _ => return None,
        }
        expected = !expected;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_key_is_read_from_its_definition() {
        let key = "constraint \"on\" on app.\"Order\"";
        let definition = "FOREIGN KEY (a, \"B, (c\") REFERENCES public.users(x, y) MATCH FULL ON DELETE CASCADE\nnot validated";
        let found = Named::of(key, definition).unwrap();
        assert_eq!(found.child, Relation { schema: "app".into(), name: "Order".into() });
        assert_eq!(found.columns, ["a", "B, (c"]);
        assert_eq!(found.parent, Relation { schema: "public".into(), name: "users".into() });
        assert_eq!(found.parent_columns, ["x", "y"]);
        assert!(found.full);
    }

    #[test]
    fn other_constraints_are_none() {
        assert_eq!(Named::of("constraint c on a.b", "CHECK ((a > 0))"), None);
        assert_eq!(Named::of("constraint c on domain a.b", "CHECK ((a > 0))"), None);
        let temporal = "FOREIGN KEY (a, PERIOD b) REFERENCES a.c(a, PERIOD b)";
        assert_eq!(Named::of("constraint c on a.b", temporal), None);
    }
}
