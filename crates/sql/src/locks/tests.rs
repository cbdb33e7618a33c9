use super::types::{Change, Typed, change};
use super::*;
use crate::ast::{ActionKind, Expr, Type};
use crate::schema::Born;
use crate::{PieceKind, read, split};

fn known(script: &str) -> Schema {
    let mut schema = Schema::new();
    for piece in split(script).filter(|piece| piece.kind == PieceKind::Statement) {
        schema.apply(&read::read(piece.text(script)).unwrap(), Born { script: 0, statement: 0 });
    }
    schema
}

fn on(script: &str, version: u32, statement: &str) -> Effects {
    let schema = known(script);
    effects(&read::read(statement).unwrap(), Place { version, schema: &schema, utc: true })
}

/// What the server does is asked of it; here stands what this machine's server can't be asked.
fn cost(script: &str, utc: bool, from: Option<&str>, to: &str) -> Change {
    let schema = known(script);
    let place = Place { version: 15, schema: &schema, utc };
    let parsed = |of: &str| -> (Type, Option<Expr>) {
        match read::read(&format!("alter table t alter column c type {of}")).unwrap() {
            Stmt::AlterTable { actions, .. } => match actions.into_iter().next().unwrap().kind {
                ActionKind::AlterType { to, using, .. } => (to, using),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let (to, using) = parsed(to);
    let from = from.map(|from| parsed(from).0);
    let typed = |of| Typed { of, collation: None };
    change(place, "c", typed(from.as_ref()), typed(Some(&to)), using.as_ref())
}

#[test]
fn an_unknown_type_is_said_to_be_unknown() {
    assert_eq!(cost("", true, None, "bigint"), Change::Unknown);
    assert_eq!(cost("", true, Some("ltree"), "text"), Change::Unknown);
    assert_eq!(cost("", true, Some("geometry(Point)"), "geometry"), Change::Nothing);
    // Whatever the old type was: a function makes every value anew.
    assert_eq!(cost("", true, None, "text using lower(c)"), Change::Rewrite);
    let unseen = on("", 15, "alter table t alter column c type bigint");
    assert_eq!((unseen.rewrites.len(), unseen.maybe_rewrites), (0, vec![Relation::named("t")]));
}

#[test]
fn a_time_zone_decides() {
    assert_eq!(cost("", true, Some("timestamp"), "timestamptz"), Change::IndexRebuild);
    assert_eq!(cost("", false, Some("timestamp"), "timestamptz"), Change::Rewrite);
    assert_eq!(cost("", false, Some("timestamptz(3)"), "timestamptz(4)"), Change::Nothing);
}

#[test]
fn domains_are_what_they_are_made_of() {
    let script = "create domain small as varchar(10); create domain smaller as small;
        create domain checked as text check (value > ''); create type mood as enum ('a')";
    let cost = |from, to| cost(script, true, Some(from), to);
    assert_eq!(cost("smaller", "varchar(20)"), Change::Nothing);
    assert_eq!(cost("text", "small"), Change::Rewrite);
    assert_eq!(cost("varchar(10)", "smaller"), Change::Nothing);
    assert_eq!(cost("text", "checked"), Change::Rewrite);
    assert_eq!(cost("checked", "text"), Change::Nothing);
    assert_eq!(cost("mood", "text"), Change::Rewrite);
    assert_eq!(cost("mood", "mood"), Change::Nothing);
}

#[test]
fn versions_differ() {
    let script = "create table p (a int, b int generated always as (a) stored) partition by range (a);
        create table p1 partition of p default";
    let identity = "alter table p alter column a add generated always as identity";
    let part = Relation::named("p1");
    assert_eq!(on(script, 16, identity).on(&part), None);
    assert_eq!(on(script, 17, identity).on(&part), Some(Mode::AccessExclusive));
    assert_eq!(on(script, 15, "alter table p disable trigger all").on(&part), Some(Mode::ShareRowExclusive));
    assert_eq!(on(script, 14, "alter table p disable trigger all").on(&part), None);
    let expression = "alter table p alter column b set expression as (a + 1)";
    assert_eq!(on(script, 17, expression).rewrites, [part]);
    assert_eq!(on(script, 15, "cluster p using i").block, Block::Impossible);
    assert_eq!(on(script, 14, "cluster p using i").block, Block::Possible);
    let computed = "alter table t add column c int generated always as (1) virtual";
    assert_eq!(on("create table t (a int)", 18, computed).rewrites, []);
}

#[test]
fn a_proof_spares_the_scan() {
    let scans = |script: &str| on(script, 18, "alter table t alter column a set not null").scans.len();
    assert_eq!(scans("create table t (a int)"), 1);
    assert_eq!(scans("create table t (a int, check (a > 0))"), 1);
    assert_eq!(scans("create table t (a int, check (a > 0 or a is not null))"), 1);
    assert_eq!(scans("create table t (a int, check (a > 0 and not a is null))"), 0);
    let later = "create table t (a int); alter table t add constraint n not null a not valid";
    assert_eq!(scans(later), 1);
    assert_eq!(scans(&format!("{later}; alter table t validate constraint n")), 0);
}

#[test]
fn a_function_counts_as_it_is_known() {
    let rewrites = |script: &str, default: &str| {
        let effects = on(script, 15, &format!("alter table t add column c int default {default}"));
        (effects.rewrites.len(), effects.maybe_rewrites.len())
    };
    assert_eq!(rewrites("", "nobody_knows()"), (0, 1));
    assert_eq!(rewrites("create function f() returns int language plpgsql as ''", "f()"), (1, 0));
    assert_eq!(rewrites("create function f() returns int language plpgsql immutable as ''", "f()"), (0, 0));
    // The server puts its body in place of the call.
    assert_eq!(rewrites("create function f() returns int language sql as 'select 1'", "f()"), (0, 1));
    assert_eq!(rewrites("", "(random() * 5)::int"), (1, 0));
    assert_eq!(rewrites("", "coalesce(extract(year from now()), 5)::int"), (0, 0));
}

#[test]
fn names_are_found_by_the_search_path() {
    let script = "create schema app; set search_path = app; create table t (a int); create index i on t (a)";
    let effects = on(script, 15, "drop index i");
    assert_eq!(effects.locks[0], Lock { relation: Relation::named("t"), mode: Mode::AccessExclusive });
    assert_eq!(effects.locks[1].relation, Relation::named("i"));
}
