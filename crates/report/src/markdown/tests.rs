use super::*;
use crate::testing::Story;

#[test]
fn a_good_run() {
    insta::assert_snapshot!(Story::good().steady(&report(&Papers::of(Story::good().view()))), @r"
    # Run 20261122-021407-7f3a of production

    **Done: ada is at c21b**

    - **status**: succeeded
    - **exit status**: 0
    - **downtime**: 21.8 s
    - **total**: 1 min 04 s
    - **way back taken**: no
    - **started**: 2026-11-22T02:14:07Z
    - **ended**: 2026-11-22T02:15:11Z

    ## What

    - **environment**: production
    - **database**: ada
    - **server**: db.example:5432, PostgreSQL 15.18
    - **release**: v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
    - **revision**: 8f3a → c21b
    - **migrations**: 1 pending (alembic)
    - **operator**: deploy on ops-1
    - **planned**: 2026-11-22T02:13:07Z
    - **digest**: `3f786850e387550fdab836ed7e6dc881de23001b6b6f8f2f1c0a4e2d5c9b7a10`
    - **fingerprint**: `[fingerprint]`

    ## Migrations

    | revision | name | file |
    |---|---|---|
    | `c21b` | add profiles | `migrations/versions/c21b_add_profiles.py` |

    ## Gates

    - review
    - rehearsal

    ## Timeline

    | step | started | took | result | proof |
    |---|---|---|---|---|
    | look at server, privileges and disk | 2026-11-22T02:14:07Z | 0.4 s | ✓ done | 11 checks hold |
    | take a backup and prove it | 2026-11-22T02:14:07Z | 42.0 s | ✓ done | restored and compared: 14 tables equal |
    | stop ada-app.service | 2026-11-22T02:14:49Z | 1.8 s | ✓ done | ada-app.service is inactive (dead) |
    | make a restore point | 2026-11-22T02:14:51Z | 3.1 s | ✓ done | clone with equal counts |
    | apply c21b add profiles | 2026-11-22T02:14:54Z | 12.3 s | ✓ done | the target says c21b |
    | validate the data | 2026-11-22T02:15:06Z | 2.2 s | ✓ done | 2 of 2 checks hold |
    | start ada-app.service | 2026-11-22T02:15:08Z | 2.4 s | ✓ done | GET /api/health: 200 for 20 s |

    ## Checks

    | check | result | detail |
    |---|---|---|
    | users have profiles | ✓ | 0 rows |
    | a\|b \`c\` | ✗ |  |

    ## Backup

    - **size**: 512.0 MB
    - **directory**: /var/backups/ada/20261122-021407

    ## Restore point

    - **size**: 4.8 GB
    - **database**: ada_rp_7f3a

    ## Way back

    | when | how |
    |---|---|
    | until the first migration | the fence is lifted; nothing was changed |
    | until the application starts | the restore point takes the target's place by two renames, in under a second; the failed database is kept |

    ## Notes

    - WAL that is archived during the run belongs to both databases

    ## Warnings

    - a replica is 12 s behind

    ## Written down by steps

    | step | what | value |
    |---|---|---|
    | take a backup and prove it | scratch cluster | kept \| 7f3a |
    ");
}

#[test]
fn a_run_that_was_taken_back() {
    insta::assert_snapshot!(Story::unwound().steady(&report(&Papers::of(Story::unwound().view()))), @r#"
    # Run 20261122-021407-7f3a of production

    **Failed and taken back: target, code and service are as before**

    - **status**: undone
    - **exit status**: 4
    - **downtime**: 21.8 s
    - **total**: 53.4 s
    - **way back taken**: yes
    - **started**: 2026-11-22T02:14:07Z
    - **ended**: 2026-11-22T02:15:00Z

    ## Why it turned round

    `SB0408`: `c21b` (add profiles) failed

    ```text
    column "x" does not exist
    ```

    What changed: nothing: its transaction was rolled back

    Hint: switchback rehearse -e production shows it on a copy

    ## What

    - **environment**: production
    - **database**: ada
    - **server**: db.example:5432, PostgreSQL 15.18
    - **release**: v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
    - **revision**: 8f3a → c21b
    - **migrations**: 1 pending (alembic)
    - **operator**: deploy on ops-1
    - **planned**: 2026-11-22T02:13:07Z
    - **digest**: `3f786850e387550fdab836ed7e6dc881de23001b6b6f8f2f1c0a4e2d5c9b7a10`
    - **fingerprint**: `[fingerprint]`

    ## Migrations

    | revision | name | file |
    |---|---|---|
    | `c21b` | add profiles | `migrations/versions/c21b_add_profiles.py` |

    ## Gates

    - review
    - rehearsal

    ## Timeline

    | step | started | took | result | proof |
    |---|---|---|---|---|
    | look at server, privileges and disk | 2026-11-22T02:14:07Z | 0.4 s | ✓ done | 11 checks hold |
    | take a backup and prove it | 2026-11-22T02:14:07Z | 42.0 s | ✓ done | restored and compared: 14 tables equal |
    | stop ada-app.service | 2026-11-22T02:14:49Z | 1.8 s | ✓ done | ada-app.service is inactive (dead) |
    | make a restore point | 2026-11-22T02:14:51Z | 3.1 s | ✓ done | clone with equal counts |
    | apply c21b add profiles | 2026-11-22T02:14:54Z | 3.1 s | ✗ failed | SB0408: `c21b` (add profiles) failed |
    | ↶ apply c21b add profiles | 2026-11-22T02:14:57Z | 0.9 s | ✓ taken back | ada is the restore point, 14 tables compared |
    | ↶ make a restore point | 2026-11-22T02:14:58Z | 0.0 s | ✓ taken back | became ada |
    | ↶ stop ada-app.service | 2026-11-22T02:14:58Z | 2.1 s | ✓ taken back | ada-app.service is active (running) |
    | ↶ take a backup and prove it | 2026-11-22T02:15:00Z | 0.0 s | ✓ taken back | kept |

    Not begun: validate the data; start ada-app.service

    ## Backup

    - **size**: 512.0 MB
    - **directory**: /var/backups/ada/20261122-021407

    ## Restore point

    - **database**: ada_rp_7f3a

    ## Way back

    | when | how |
    |---|---|
    | until the first migration | the fence is lifted; nothing was changed |
    | until the application starts | the restore point takes the target's place by two renames, in under a second; the failed database is kept |

    ## Notes

    - WAL that is archived during the run belongs to both databases

    ## Warnings

    - a replica is 12 s behind

    ## Written down by steps

    | step | what | value |
    |---|---|---|
    | take a backup and prove it | scratch cluster | kept \| 7f3a |
    "#);
}

#[test]
fn a_stuck_run_says_what_leads_out() {
    let report = report(&Papers::of(Story::stuck().view()));
    let known = report.split("## What is known").nth(1).unwrap().split("## What\n").next().unwrap();
    insta::assert_snapshot!(known, @"


    - **in place**: nothing
    - **not certain**: stop ada-app.service
    - **taken back**: apply c21b add profiles

    ## What to type next

    | command | does |
    |---|---|
    | `switchback runs show 20261122-021407-7f3a -e production` | everything that is known of the run |
    | `switchback resume 20261122-021407-7f3a -e production` | go on taking it back, from where it stands |
    ");
}

#[test]
fn nothing_breaks_out_of_a_cell() {
    assert_eq!(cell("a|b `c` <d>\ne\u{1b}[31m"), r"a\|b \`c\` &lt;d><br>e");
    assert_eq!(prose("`a|b` <c> | `d*`"), r"`a\|b` &lt;c> \| `d*`");
    assert_eq!((prose("a`b"), prose("a``b")), (r"a\`b".into(), r"a\`\`b".into()));
    assert_eq!((code("x"), code("a`b")), ("`x`".into(), r"a\`b".into()));
    assert_eq!(fenced("text", "a ``` b"), "````text\na ``` b\n````\n");
    // What is left out must not make a fence of what stands around it.
    assert_eq!(fenced("sql", "``\u{0}`"), "````sql\n```\n````\n");
}
