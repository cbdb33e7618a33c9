//! Row 10: code and schema go back together, or not at all.

use crate::hand::{checkout, keep, put_back};
use crate::shop::{Shop, V1, V2, Wish, run, venv};

fn flask(shop: &Shop, words: &[&str]) -> std::process::Command {
    let mut flask = std::process::Command::new(venv("flask"));
    flask.current_dir(shop.repository()).env("DATABASE_URL", shop.url().expose()).env("FLASK_APP", "app");
    flask.args(words);
    flask
}

async fn the_usual_way(shop: &Shop) {
    checkout(shop, "v2");
    run(&mut flask(shop, &["db", "upgrade"]));
    // It does not work out; back to what worked yesterday.
    checkout(shop, "v1");
    for words in [["db", "downgrade"], ["db", "current"]] {
        let output = flask(shop, &words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{words:?}");
        assert!(said.contains(&format!("Can't locate revision identified by '{V2}'")), "{said}");
    }
    assert_eq!(shop.revision().await, V2, "old code on the new schema, and no way back");
}

/// Something was written since, so the data goes back by the downgrade: with files that only the
/// new release has.
async fn ours(shop: &Shop) {
    shop.deploy("v2", 0);
    let session = shop.session(shop.name()).await;
    session.batch("update public.users set newsletter = not newsletter where id = 5").await.unwrap();
    let after: bool =
        session.one("select newsletter from public.users where id = 5", &[]).await.unwrap().get(0);
    drop(session);
    shop.expect(&["rollback"], 0);
    assert_eq!(
        (shop.way_back().as_str(), shop.revision().await.as_str(), shop.release().as_str()),
        ("down", V1, "v1")
    );
    let kept = shop.number("select newsletter::int::int8 from public.users where id = 5").await;
    assert_eq!(kept, i64::from(after), "what was written since is lost");
    run(&mut flask(shop, &["db", "current"]));
}

#[tokio::test]
async fn old_code_can_not_find_the_new_revision() {
    let shop = Shop::new(Wish { running: false, ..Wish::default() }).await;
    keep(&shop).await;
    the_usual_way(&shop).await;
    put_back(&shop, "v1").await;
    ours(&shop).await;
}
