//! The target's catalog as the schema that pending scripts meet.
//!
//! Some queries for everything that is there, however much that is, and none a table. What the server
//! would have to open a table for (to print an expression) is left out where somebody holds that table,
//! or waits to: the look stands in no queue. Such an expression is then known to be there and no more.

use std::collections::{BTreeMap, HashMap};

use switchback_model::Result;
use switchback_postgres::Session;
use switchback_postgres::session::Row;
use switchback_sql::Relation;
use switchback_sql::ast::{
    ConstraintKind, Expr, ForeignKey, Key, OnDelete, Partition, ReplicaIdentity, Stmt, Type,
};
use switchback_sql::read::read;
use switchback_sql::schema::{
    Function, Index, Made, MadeKind, Schema, SequenceState, Table, TableColumn, TableConstraint, TableKind,
};

/// Relations that somebody holds, or waits for, so that not even a reader gets in.
pub(super) const HELD: &str = "held as materialized (select distinct relation from pg_locks \
    where locktype = 'relation' and mode = 'AccessExclusiveLock' and pid is distinct from pg_backend_pid())";

/// Schemas that people made.
pub(super) const OWN: &str = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

const RELATIONS: &str = "
    with @HELD
    select c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence = 'u', c.relrowsecurity,
           c.relreplident::text, c.relispartition,
           case when c.relispartition and h.relation is null then pg_get_expr(c.relpartbound, c.oid) end,
           p.partstrat::text, coalesce(p.partattrs::int2[], '{}'),
           array(select i.inhparent from pg_inherits i where i.inhrelid = c.oid order by i.inhseqno)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      left join pg_partitioned_table p on p.partrelid = c.oid
      left join held h on h.relation = c.oid
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and @OWN";

const COLUMNS: &str = "
    with @HELD
    select a.attrelid, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity <> '', a.attgenerated <> '', d.oid is not null,
           case when h.relation is null then pg_get_expr(d.adbin, d.adrelid) end,
           (select l.collname::text from pg_collation l join pg_type t on t.oid = a.atttypid
             where l.oid = a.attcollation and a.attcollation <> t.typcollation),
           a.attgenerated = 'v'
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef
      left join held h on h.relation = a.attrelid
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and @OWN
     order by a.attrelid, a.attnum";

/// `conenforced` came with PostgreSQL 18. Before that a key to a partitioned table has one line more for each partition of that.
const CONSTRAINTS: &str = "
    with @HELD
    select k.conrelid, k.conname::text, k.contype::text, k.convalidated, coalesce(k.conkey, '{}'),
           k.confrelid, coalesce(k.confkey, '{}'), k.confdeltype::text,
           case when k.contype = 'c' and h.relation is null then pg_get_expr(k.conbin, k.conrelid) end,
           coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
      left join held h on h.relation = k.conrelid
     where k.contype in ('c', 'p', 'u', 'x', 'f', 'n') and @OWN
       and not exists (select from pg_constraint o where o.oid = k.conparentid and o.conrelid = k.conrelid)
     order by k.conrelid, k.oid";

const INDEXES: &str = "
    select i.indrelid, n.nspname::text, c.relname::text, i.indisunique, m.amname::text, i.indisvalid,
           i.indpred is not null, i.indnkeyatts, i.indkey::int2[], i.indisreplident,
           array(select pg_get_indexdef(i.indexrelid, k, false) from generate_series(1, i.indnkeyatts) k
                  where i.indkey[k - 1] = 0),
           i.indoption::text ~ '[1-9]' or i.indclass::oid[] && (select array_agg(oid) from pg_opclass where not opcdefault)
             or exists (select from generate_series(0, i.indnkeyatts - 1) k
                          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k]
                         where i.indcollation[k] not in (0, a.attcollation)),
           (select k.conname::text from pg_constraint k
             where k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x'))
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_am m on m.oid = c.relam
     where @OWN";

/// What a view reads is what its rule depends on (PostgreSQL manual, `pg_depend`).
const VIEWS: &str = "
    select r.ev_class, d.refobjid, array_remove(array_agg(distinct a.attname::text), null)
      from pg_depend d join pg_rewrite r on r.oid = d.objid join pg_class c on c.oid = r.ev_class
      join pg_namespace n on n.oid = c.relnamespace
      left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid > 0
     where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and c.relkind in ('v', 'm')
       and d.refobjid <> r.ev_class and @OWN
     group by r.ev_class, d.refobjid";

const TRIGGERS: &str = "
    select tgrelid, tgname::text, true from pg_trigger where not tgisinternal
    union all select polrelid, polname::text, false from pg_policy";

const TYPES: &str = "
    select n.nspname::text, t.typname::text, t.typtype::text,
           case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
           t.typnotnull or exists (select from pg_constraint k where k.contypid = t.oid),
           array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder)
      from pg_type t join pg_namespace n on n.oid = t.typnamespace
     where @OWN and (t.typtype in ('e', 'd', 'r')
           or t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))";

const FUNCTIONS: &str = "
    select n.nspname::text, p.proname::text, p.provolatile::text, l.lanname::text,
           array(select format_type(t, null) from unnest(p.proargtypes::oid[]) t)
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
     where p.prokind in ('f', 'p') and @OWN";

const SEQUENCES: &str = "
    select n.nspname::text, c.relname::text, format_type(s.seqtypid, null), d.refobjid, a.attname::text
      from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
      left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.seqrelid and d.objsubid = 0
           and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
      left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where @OWN";

const PUBLICATIONS: &str = "
    select p.pubname::text, p.puballtables, r.prrelid from pg_publication p
      left join pg_publication_rel r on r.prpubid = p.oid";

/// `FOR TABLES IN SCHEMA`, from PostgreSQL 15 on.
const PUBLISHED_SCHEMAS: &str = "
    select p.pubname::text, false, c.oid from pg_publication p join pg_publication_namespace s on s.pnpubid = p.oid
      join pg_class c on c.relnamespace = s.pnnspid and c.relkind in ('r', 'p')";

fn sql(query: &str) -> String {
    query.replace("@HELD", HELD).replace("@OWN", OWN)
}

/// Reads everything that is in the target's catalog.
///
/// # Errors
/// Those of [`Session`].
pub(super) async fn read_schema(session: &Session, version: u32, path: &[String]) -> Result<Schema> {
    let mut reader = Reader::default();
    reader.schema.set_home_path(path.to_vec());
    // Types before what is made of them, tables before what hangs on them.
    reader.types(&session.rows(&sql(TYPES), &[]).await?);
    reader.relations(&session.rows(&sql(RELATIONS), &[]).await?);
    let sequences = session.rows(&sql(SEQUENCES), &[]).await?;
    reader.columns(&session.rows(&sql(COLUMNS), &[]).await?, &sequences);
    reader.constraints(&session.rows(&sql(CONSTRAINTS), &[]).await?);
    reader.views(&session.rows(&sql(VIEWS), &[]).await?);
    reader.triggers(&session.rows(TRIGGERS, &[]).await?);
    let indexes = session.rows(&sql(INDEXES), &[]).await?;
    reader.identities(&indexes);
    reader.keep_tables();
    reader.indexes(&indexes);
    reader.sequences(&sequences);
    reader.functions(&session.rows(&sql(FUNCTIONS), &[]).await?);
    let mut published = session.rows(PUBLICATIONS, &[]).await?;
    if version >= 15 {
        published.extend(session.rows(PUBLISHED_SCHEMAS, &[]).await?);
    }
    reader.publications(&published);
    for row in session.rows("select extname::text from pg_extension", &[]).await? {
        reader.schema.put_extension(row.get(0));
    }
    reader.schema.set_found();
    Ok(reader.schema)
}

/// A relation before it is kept.
#[derive(Default)]
struct Draft {
    table: Table,
    /// The names of its columns by number.
    names: BTreeMap<i16, String>,
    key: Vec<i16>,
    parents: Vec<u32>,
}

#[derive(Default)]
struct Reader {
    schema: Schema,
    drafts: BTreeMap<u32, Draft>,
    /// The names of relations that are kept already.
    known: HashMap<u32, Relation>,
    /// The names of their columns by number.
    numbers: HashMap<(u32, i16), String>,
    /// Types and expressions by their text: many are written often.
    types: HashMap<String, Type>,
    exprs: HashMap<String, Expr>,
}

impl Reader {
    fn name(&self, oid: u32) -> Option<&Relation> {
        self.drafts.get(&oid).map(|draft| &draft.table.name).or_else(|| self.known.get(&oid))
    }

    fn type_of(&mut self, text: &str) -> Type {
        if let Some(known) = self.types.get(text) {
            return known.clone();
        }
        let of = match expr(&format!("null::{text}")) {
            Expr::Cast(_, of) => of,
            _ => Type { name: text.to_owned(), ..Type::default() },
        };
        self.types.insert(text.to_owned(), of.clone());
        of
    }

    /// An expression as the server prints it; one that it did not print is not known.
    fn expr(&mut self, text: Option<&str>) -> Expr {
        let Some(text) = text else { return Expr::Other(Vec::new()) };
        if let Some(known) = self.exprs.get(text) {
            return known.clone();
        }
        let read = expr(text);
        self.exprs.insert(text.to_owned(), read.clone());
        read
    }

    fn types(&mut self, rows: &[Row]) {
        for row in rows {
            let kind = match row.get(2) {
                "e" => MadeKind::Enum(row.get(5)),
                "d" => MadeKind::Domain(self.type_of(row.get(3)), row.get(4)),
                _ => MadeKind::Other,
            };
            self.schema.put_made(&named(row, 0), Made { kind, born: None });
        }
    }

    fn relations(&mut self, rows: &[Row]) {
        for row in rows {
            let kind = match row.get(3) {
                "p" => TableKind::Partitioned,
                "f" => TableKind::Foreign,
                "v" => TableKind::View,
                "m" => TableKind::MaterializedView,
                _ => TableKind::Table,
            };
            let strategy = row.get::<_, Option<&str>>(9).map(|strategy| match strategy {
                "l" => "list",
                "h" => "hash",
                _ => "range",
            });
            let bounds = row.get::<_, Option<&str>>(8).and_then(bounds);
            let table = Table {
                name: named(row, 1),
                kind,
                all_columns: true,
                all_constraints: true,
                unlogged: row.get(4),
                rls: row.get(5),
                replica_identity: match row.get(6) {
                    "f" => Some(ReplicaIdentity::Full),
                    "n" => Some(ReplicaIdentity::Nothing),
                    _ => None,
                },
                default_partition: bounds.as_ref().is_some_and(|bounds| bounds.default),
                // Marks a partition until its parent has a name.
                partition_of: row.get::<_, bool>(7).then(Relation::default),
                bounds,
                strategy: strategy.map(str::to_owned),
                ..Table::default()
            };
            let draft = Draft { table, key: row.get(10), parents: row.get(11), ..Draft::default() };
            self.drafts.insert(row.get(0), draft);
        }
    }

    fn columns(&mut self, rows: &[Row], sequences: &[Row]) {
        let own: std::collections::HashSet<(u32, &str)> = sequences
            .iter()
            .filter_map(|row| Some((row.get::<_, Option<u32>>(3)?, row.get::<_, Option<&str>>(4)?)))
            .collect();
        for row in rows {
            let (oid, name): (u32, &str) = (row.get(0), row.get(2));
            let (identity, generated, has): (bool, bool, bool) = (row.get(5), row.get(6), row.get(7));
            let text: Option<&str> = row.get(8);
            // A `serial` is a column with a sequence of its own, and not one with a default.
            let serial = own.contains(&(oid, name)) && text.is_some_and(|text| text.starts_with("nextval("));
            let value = (has && !serial).then(|| self.expr(text));
            let (generated, default) = if generated { (value, None) } else { (None, value) };
            let column = TableColumn {
                name: name.to_owned(),
                of: Some(self.type_of(row.get(3))),
                collation: row.get(9),
                not_null: row.get(4),
                default,
                sequence: identity || serial,
                generated,
                generated_virtual: row.get(10),
                born: None,
            };
            let Some(draft) = self.drafts.get_mut(&oid) else { continue };
            draft.names.insert(row.get(1), name.to_owned());
            draft.table.columns.push(column);
        }
    }

    fn column_names(&self, oid: u32, numbers: &[i16]) -> Vec<String> {
        let draft = self.drafts.get(&oid);
        numbers.iter().filter_map(|number| draft?.names.get(number).cloned()).collect()
    }

    fn constraints(&mut self, rows: &[Row]) {
        for row in rows {
            let oid: u32 = row.get(0);
            let columns = self.column_names(oid, &row.get::<_, Vec<i16>>(4));
            let kind = match row.get(2) {
                "c" => ConstraintKind::Check(self.expr(row.get(8))),
                "p" => ConstraintKind::Primary { columns, using_index: None },
                "u" => ConstraintKind::Unique { columns, using_index: None },
                "n" => ConstraintKind::NotNull { column: columns.into_iter().next().unwrap_or_default() },
                "f" => {
                    let other: u32 = row.get(5);
                    let Some(table) = self.name(other).cloned() else { continue };
                    let on_delete = match row.get(7) {
                        "c" => OnDelete::Cascade,
                        "n" | "d" => OnDelete::Set,
                        _ => OnDelete::Refuse,
                    };
                    let referenced = self.column_names(other, &row.get::<_, Vec<i16>>(6));
                    ConstraintKind::Foreign(ForeignKey { columns, table, referenced, on_delete })
                }
                _ => ConstraintKind::Exclude,
            };
            let (valid, enforced) = (row.get(3), row.get(9));
            let constraint = TableConstraint { name: row.get(1), kind, valid, enforced, born: None };
            if let Some(draft) = self.drafts.get_mut(&oid) {
                draft.table.constraints.push(constraint);
            }
        }
    }

    fn views(&mut self, rows: &[Row]) {
        for row in rows {
            let read = self.name(row.get(1)).cloned();
            if let (Some(draft), Some(read)) = (self.drafts.get_mut(&row.get(0)), read) {
                draft.table.reads.push(read);
                draft.table.reads_columns.extend(row.get::<_, Vec<String>>(2));
            }
        }
        for draft in self.drafts.values_mut() {
            draft.table.reads_columns.sort();
            draft.table.reads_columns.dedup();
        }
    }

    fn triggers(&mut self, rows: &[Row]) {
        for row in rows {
            let Some(draft) = self.drafts.get_mut(&row.get(0)) else { continue };
            let names = if row.get(2) { &mut draft.table.triggers } else { &mut draft.table.policies };
            names.push(row.get(1));
        }
    }

    fn identities(&mut self, indexes: &[Row]) {
        for row in indexes.iter().filter(|row| row.get(9)) {
            if let Some(draft) = self.drafts.get_mut(&row.get(0)) {
                draft.table.replica_identity = Some(ReplicaIdentity::Index(row.get(2)));
            }
        }
    }

    fn keep_tables(&mut self) {
        self.known = self.drafts.iter().map(|(oid, draft)| (*oid, draft.table.name.clone())).collect();
        for (oid, draft) in std::mem::take(&mut self.drafts) {
            let Draft { mut table, names, key, parents } = draft;
            // An expression is number 0.
            table.partition_key =
                key.iter().map(|number| names.get(number).cloned().unwrap_or_default()).collect();
            let mut parents = parents.iter().filter_map(|oid| self.known.get(oid)).cloned();
            if table.partition_of.is_some() {
                table.partition_of = parents.next();
            } else {
                table.inherits = parents.collect();
            }
            self.numbers.extend(names.into_iter().map(|(number, name)| ((oid, number), name)));
            self.schema.put_table(table);
        }
    }

    fn indexes(&mut self, rows: &[Row]) {
        for row in rows {
            let Some(table) = self.known.get(&row.get(0)).cloned() else { continue };
            let numbers: Vec<i16> = row.get(8);
            let key_count = usize::try_from(row.get::<_, i16>(7)).unwrap_or_default();
            let expressions: Vec<String> = row.get(10);
            let mut expressions: Vec<Expr> =
                expressions.iter().rev().map(|text| self.expr(Some(text))).collect();
            let oid: u32 = row.get(0);
            let column = |number: &i16| self.numbers.get(&(oid, *number)).cloned().unwrap_or_default();
            let key = |number: &i16| match number {
                0 => Key::Expr(expressions.pop().unwrap_or(Expr::Other(Vec::new()))),
                _ => Key::Column(column(number)),
            };
            let keys = numbers.iter().take(key_count).map(key).collect();
            self.schema.put_index(Index {
                name: named(row, 1),
                table,
                unique: row.get(3),
                method: row.get(4),
                keys,
                special: row.get(11),
                include: numbers.iter().skip(key_count).map(column).collect(),
                partial: row.get(6),
                constraint: row.get(12),
                valid: row.get(5),
                born: None,
            });
        }
    }

    fn sequences(&mut self, rows: &[Row]) {
        for row in rows {
            let of = Some(self.type_of(row.get(2)));
            let table = row.get::<_, Option<u32>>(3).and_then(|oid| self.known.get(&oid)).cloned();
            let owned_by = table.zip(row.get(4));
            self.schema.put_sequence(&named(row, 0), SequenceState { of, owned_by, born: None });
        }
    }

    fn functions(&mut self, rows: &[Row]) {
        for row in rows {
            let arguments = row.get::<_, Vec<String>>(4).iter().map(|text| self.type_of(text)).collect();
            let volatility = match row.get(2) {
                "i" => "immutable",
                "s" => "stable",
                _ => "volatile",
            };
            self.schema.put_function(Function {
                name: named(row, 0),
                arguments,
                volatility: volatility.to_owned(),
                language: row.get(3),
                born: None,
            });
        }
    }

    fn publications(&mut self, rows: &[Row]) {
        let mut all: BTreeMap<String, Option<Vec<Relation>>> = BTreeMap::new();
        for row in rows {
            let tables = all.entry(row.get(0)).or_insert_with(|| Some(Vec::new()));
            if row.get(1) {
                *tables = None;
            }
            let table = row.get::<_, Option<u32>>(2).and_then(|oid| self.known.get(&oid));
            if let (Some(tables), Some(table)) = (tables, table) {
                tables.push(table.clone());
            }
        }
        for (name, tables) in all {
            self.schema.put_publication(&name, tables.as_deref());
        }
    }
}

/// Schema and name from two columns.
fn named(row: &Row, first: usize) -> Relation {
    Relation { schema: Some(row.get(first)), name: row.get(first + 1) }
}

/// An expression as the server prints it.
fn expr(text: &str) -> Expr {
    match read(&format!("select {text}")) {
        Ok(Stmt::Select(query)) => {
            query.columns.into_iter().next().map_or(Expr::Other(Vec::new()), |(_, expr)| expr)
        }
        _ => Expr::Other(Vec::new()),
    }
}

/// `FOR VALUES …` as the server prints it.
fn bounds(text: &str) -> Option<Partition> {
    match read(&format!("create table part partition of whole {text}")) {
        Ok(Stmt::CreateTable(create)) => create.partition_of,
        _ => None,
    }
}
