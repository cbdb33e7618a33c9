use super::*;

fn read(text: &str) -> Statement {
    Statement::read(text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"))
}

fn block(text: &str) -> Block {
    read(text).in_block()
}

#[test]
fn indexes_are_known_by_name_and_table() {
    let table = Relation { schema: Some("Sales".into()), name: "orders".into() };
    assert_eq!(
        read(
            "CREATE UNIQUE INDEX /* now */ CONCURRENTLY IF NOT EXISTS \"By Day\" ON ONLY \"Sales\".orders (day)"
        ),
        Statement::CreateIndex { name: Some("By Day".into()), table: table.clone(), concurrently: true }
    );
    assert_eq!(
        read("create index on \"Sales\".orders (lower(day))"),
        Statement::CreateIndex { name: None, table, concurrently: false }
    );
}

#[test]
fn what_cannot_stand_in_a_block() {
    for text in [
        "drop index concurrently a",
        "reindex index concurrently a",
        "reindex (concurrently, verbose) table t",
        "REINDEX (CONCURRENTLY TRUE) TABLE t",
        "reindex schema s",
        "alter table t detach partition p concurrently",
        "cluster",
        "vacuum (analyze) t",
        "create subscription s connection '' publication p",
        "create subscription s connection '' publication p with (enabled = false)",
        "alter subscription s refresh publication",
        "alter subscription s set publication p",
        "commit prepared 'a'",
        "create database d",
        "alter database d set tablespace t",
        "drop tablespace t",
        "alter system set work_mem = '1MB'",
        "discard all",
    ] {
        assert_eq!(block(text), Block::Impossible, "{text}");
        assert!(Statement::may_leave_block(&text.to_ascii_uppercase()), "{text}");
    }
}

#[test]
fn what_only_looks_so() {
    for text in [
        "drop index a",
        "alter table t detach partition p finalize",
        "alter table t detach partition p",
        "analyze t",
        "alter type mood add value 'sad'",
        "refresh materialized view concurrently v",
        "create subscription s connection '' publication p with (connect = false)",
        "create subscription s connection '' publication p with (create_slot = off, slot_name = 'x')",
        "alter subscription s set publication p with (refresh = false)",
        "alter subscription s disable",
        "alter database d set work_mem = '1MB'",
        "discard plans",
        "create table vacuum (cluster int)",
        "select 'create index concurrently'",
    ] {
        assert_eq!(block(text), Block::Possible, "{text}");
    }
    for text in
        ["reindex table t", "reindex (concurrently off) table t", "cluster t using i", "drop subscription s"]
    {
        assert_eq!(block(text), Block::Depends, "{text}");
    }
}

#[test]
fn transactions_are_known() {
    for text in
        ["begin", "start transaction", "commit", "end", "rollback", "abort", "savepoint a", "release a"]
    {
        assert!(read(text).controls_transaction(), "{text}");
    }
    for text in ["rollback to a", "prepare transaction 'x'", "rollback prepared 'x'", "commit and chain"] {
        assert!(read(text).controls_transaction(), "{text}");
    }
    assert!(!read("prepare p as select 1").controls_transaction());
    assert_eq!(read("copy t from stdin"), Statement::CopyIn);
    assert_eq!(read("copy t to stdout"), Statement::CopyOut);
    assert_eq!(read("copy t from '/x'"), Statement::Other);
}

#[test]
fn mistakes_have_their_place() {
    for (text, near, message) in [
        ("selec 1", "selec", "syntax error at or near \"selec\""),
        ("select a, b from t where from x", "from x", "syntax error at or near \"from\""),
        ("create table t (a int,)", ")", "syntax error at or near \")\""),
        ("select 'ä', ) from t", ") from", "syntax error at or near \")\""),
        ("insert into t (a) values", "", "syntax error at end of input"),
        ("select 'a", "'a", "unterminated quoted string at or near \"'a\""),
        ("select 1 select 2", "2", "syntax error at or near \"2\""),
        ("select {{ x }}", "{{", "syntax error at or near \"{\""),
    ] {
        let mistake = Statement::read(text).unwrap_err();
        assert_eq!(mistake.message, message, "{text}");
        assert!(text[mistake.at..].starts_with(near), "{text}: at {:?}", &text[mistake.at..]);
        assert!(!near.is_empty() || mistake.at == text.len(), "{text}: {}", mistake.at);
    }
}

/// Whatever is nested how deep, the process lives on.
#[test]
fn depth_is_no_danger() {
    let long = |word: &str, times: usize| vec![word; times].join(" ");
    for text in [
        format!("select {}1", "(".repeat(20_000)),
        format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("select {} 1", long("1 +", 50_000)),
        format!("create view v as select {} 1", long("1 +", 50_000)),
        format!("alter table t add check ({} 1 > 0)", long("1 +", 5_000)),
        format!("select {} 1", long("case when true then", 5_000)),
        format!("create index concurrently on t (({} 1))", long("1 +", 5_000)),
    ] {
        let read = Statement::read(&text);
        let harmless = !text.contains("concurrently") || read.is_err();
        assert!(harmless, "{read:?}");
    }
    let view = format!("create view v as select {} 1", long("1 +", 1_000));
    assert_eq!(Statement::read(&view), Ok(Statement::Other));
    let check = format!("alter table t add check ({} 1 > 0)", long("1 +", 500));
    assert_eq!(Statement::read(&check), Ok(Statement::Other));
}
