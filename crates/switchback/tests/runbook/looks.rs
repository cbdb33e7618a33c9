//! Rows 7 and 8: looking once, and at too little.

use switchback_testkit::{Host, Shape};

use crate::hand::{Background, Hand, assert_same, checkout, host, keep, put_back, until};
use crate::shop::{Shop, V2, Wish, run, venv};

mod a_count_and_a_loop {
    use super::*;

    /// What people write into the runbook, with a counter of what it asks the server.
    const CHECK: &str = "
from sqlalchemy import event
from app import create_app
from app.models import User, db

with create_app().app_context():
    asked = []
    event.listen(db.engine, 'before_cursor_execute', lambda *_: asked.append(1))
    assert User.query.count() > 0
    for user in User.query.all():
        assert user.email and user.orders is not None
    print(len(asked))
";
    const ORPHANS: &str = "select count(*) from public.orders o where not exists (select from public.users u where u.id = o.user_id)";

    fn python(shop: &Shop, program: &str, words: &[&str]) -> String {
        let mut python = std::process::Command::new(venv(program));
        python
            .current_dir(shop.repository())
            .env("DATABASE_URL", shop.url().expose())
            .env("FLASK_APP", "app");
        run(python.args(words))
    }

    async fn the_usual_way(shop: &Shop) {
        assert_eq!(shop.number(ORPHANS).await, 0);
        checkout(shop, "v3b");
        python(shop, "flask", &["db", "upgrade"]);
        let asked: u32 = python(shop, "python", &["-c", CHECK]).lines().last().unwrap().parse().unwrap();
        let users = shop.number("select count(*) from public.users").await;
        assert!(i64::from(asked) >= users, "{asked} queries for {users} users");
        // All asserted, and orders belong to nobody.
        let orphans = shop.number(ORPHANS).await;
        assert!(orphans > 0, "{asked} queries for {users} users would have been enough");
    }

    async fn ours(shop: &Shop) {
        let ran = shop.deploy("v3b", 4);
        assert!(ran.stderr.contains("SB0505") && ran.stderr.contains("orders"), "{}", ran.stderr);
        assert_eq!((shop.number(ORPHANS).await, shop.revision().await.as_str()), (0, V2));
    }

    #[tokio::test]
    async fn a_count_and_a_loop_over_all_users_see_nothing() {
        let shop = Shop::new(Wish { release: "v2", running: false, ..Wish::default() }).await;
        keep(&shop).await;
        the_usual_way(&shop).await;
        put_back(&shop, "v2").await;
        ours(&shop).await;
    }
}

mod one_look_after_the_restart {
    use super::*;

    /// A release that is well for a moment.
    fn brief_release(host: &Host) {
        host.git(&["checkout", "--quiet", "v2"]);
        let text = std::fs::read_to_string(host.path("code/app.py")).unwrap();
        let end = "import threading\nthreading.Timer(1.5, lambda: os._exit(1)).start()\n";
        let brief = text.replace("open(\"app.log\"", &format!("{end}open(\"app.log\""));
        assert_ne!(text, brief);
        host.write("code/app.py", &brief);
        host.git(&["commit", "--quiet", "--all", "-m", "brief"]);
        host.git(&["tag", "brief"]);
        host.git(&["checkout", "--quiet", "v1"]);
    }

    fn curl(hand: &Hand, host: &Host) -> Option<i32> {
        hand.types(&format!("curl -fsS -m 2 {}/health", host.address())).status
    }

    async fn the_usual_way() {
        let host = host(Shape { service: false, page: false, ..Shape::default() }).await;
        let hand = Hand::at(&host.url()).await;
        brief_release(&host);
        host.git(&["checkout", "--quiet", "brief"]);
        let port = host.address().rsplit(':').next().unwrap().to_owned();
        let code = host.path("code").display().to_string();
        // A unit with Restart=on-failure and RestartSec=2.
        let _unit: Background =
            hand.begins(&format!("cd {code}; while :; do python3 -S app.py {port} || true; sleep 2; done"));
        until("curl says that all is well", || curl(&hand, &host) == Some(0));
        // The person has gone to bed.
        until("users see that nothing is well", || curl(&hand, &host) != Some(0));
        until("it comes back, and is gone again", || curl(&hand, &host) == Some(0));
        until("a crash loop", || curl(&hand, &host) != Some(0));
    }

    async fn ours() {
        let host = host(Shape::default()).await;
        brief_release(&host);
        host.configure("stable_for = \"200ms\"", "stable_for = \"4s\"");
        host.configure("within = \"10s\"", "within = \"4s\"");
        let start = host.state().await;
        let ran = host.run(&["deploy", "--release", "brief"]);
        assert_eq!(ran.status, Some(4), "{}", ran.stderr);
        assert!(ran.stderr.contains("SB0803") || ran.stderr.contains("SB0801"), "{}", ran.stderr);
        // No user has seen it: the page never opened.
        assert!(
            !host
                .journal()
                .iter()
                .any(|line| line.contains("\"step.started\"") && line.contains("\"close\""))
        );
        assert_same(&start, &host.state().await);
    }

    #[tokio::test]
    async fn one_curl_does_not_see_a_crash_loop() {
        the_usual_way().await;
        ours().await;
    }
}
