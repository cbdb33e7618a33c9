//! "Same as" sees each kind of difference; else the harness would compare nothing.

use std::os::unix::fs::PermissionsExt as _;

use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// Makes a difference by statements in the maintenance database (`@` is the target), and unmakes it.
const ON_THE_SERVER: &[(&str, &str, &str)] = &[
    ("alter database @ connection limit 5", "alter database @ connection limit -1", "connection limit"),
    ("alter database @ set work_mem = '5MB'", "alter database @ reset work_mem", "work_mem"),
    (
        "alter database @ set default_transaction_read_only = on",
        "alter database @ reset default_transaction_read_only",
        "default_transaction_read_only",
    ),
    ("grant create on database @ to public", "revoke create on database @ from public", "CREATE"),
    ("comment on database @ is 'mine'", "comment on database @ is null", "comment"),
    ("comment on database @ is 'switchback: {}'", "comment on database @ is null", "a marker is on"),
    ("create database @_sb_1", "drop database @_sb_1", "databases"),
    ("create database @_rp_1", "drop database @_rp_1", "is kept and open"),
];

/// The same in the target.
const IN_THE_TARGET: &[(&str, &str, &str)] = &[
    ("alter table notes add column more int", "alter table notes drop column more", "notes"),
    ("create table more (n int)", "drop table more", "more"),
    (
        "update users set name = 'x' where id = 1",
        "update users set name = 'user 1' where id = 1",
        "public.users",
    ),
    ("select nextval('notes_id_seq')", "select setval('notes_id_seq', 500)", "sequence"),
    (
        "begin; insert into starts values (1); prepare transaction 'left'",
        "rollback prepared 'left'",
        "a transaction is prepared",
    ),
];

/// What is there now must be seen, by a line with this word.
async fn seen(host: &Host, start: &switchback_testkit::State, word: &str) {
    let found = start.differences(&host.state().await);
    assert!(found.iter().any(|line| line.contains(word)), "{word} is not in {found:?}");
}

#[tokio::test]
async fn every_kind_of_difference_is_seen_and_nothing_else() {
    let shape = Shape { tool: "sql", ..Shape::DEFAULT };
    let host = Host::new(cluster().await, PROGRAM, shape).await;
    host.expect(&["backup", "create"], 0);
    let start = host.state().await;
    let name = host.database().name().to_owned();
    for (make, unmake, word) in ON_THE_SERVER {
        host.cluster().run(&make.replace('@', &name)).await;
        seen(&host, &start, word).await;
        host.cluster().run(&unmake.replace('@', &name)).await;
    }
    for (make, unmake, word) in IN_THE_TARGET {
        host.database().run(make).await;
        seen(&host, &start, word).await;
        host.database().run(unmake).await;
    }
    host.git(&["checkout", "--quiet", "v2"]);
    seen(&host, &start, "commit").await;
    host.git(&["checkout", "--quiet", "v1"]);
    host.write("maintenance.flag", "");
    seen(&host, &start, "page closed").await;
    std::fs::remove_file(host.path("maintenance.flag")).unwrap();
    host.write("code/new.txt", "");
    seen(&host, &start, "working tree").await;
    std::fs::remove_file(host.path("code/new.txt")).unwrap();
    for path in [".switchback", "backups"] {
        std::fs::set_permissions(host.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
        seen(&host, &start, &format!("others can read {path}")).await;
        std::fs::set_permissions(host.path(path), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    host.write("backups/.partial-1/dump", "");
    seen(&host, &start, "half of a backup").await;
    std::fs::remove_dir_all(host.path("backups/.partial-1")).unwrap();
    host.expect(&["service", "stop"], 0);
    seen(&host, &start, "service").await;
    seen(&host, &start, "answer").await;
    host.expect(&["service", "start"], 0);
    host.listening().await;
    let differences = start.differences(&host.state().await);
    assert!(differences.is_empty(), "{differences:?}");
}
