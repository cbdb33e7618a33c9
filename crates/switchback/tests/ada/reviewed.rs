//! The gate `review`: no release runs whose migrations nobody has read.

use crate::shop::{Shop, V1, Wish};

#[tokio::test]
async fn a_release_that_nobody_reviewed_is_refused_and_the_plan_names_what_was_accepted() {
    let shop = Shop::new(Wish { running: false, ..Wish::default() }).await;
    let deploy = ["deploy", "--release", "v2"];
    let refused = shop.expect(&deploy, 3);
    assert!(refused.stderr.contains("switchback review -e production"), "{}", refused.stderr);
    assert_eq!(shop.revision().await, V1);
    let review = ["review", "-e", "production", "--release", "v2", "--record"];
    let found = shop.expect(&review, 1);
    assert!(
        found.stdout.contains("drop-column") && found.stdout.contains("4f60c8a1d3e7"),
        "{}",
        found.stdout
    );
    shop.expect(&deploy, 3);
    shop.expect(&[&review[..], &["--accept", "closed on Sunday"]].concat(), 0);
    let plan = shop.expect(&["plan", "--release", "v2", "--format", "json"], 0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let gate = plan["gates"].as_array().unwrap().iter().find(|gate| gate["name"] == "review").unwrap();
    assert!(gate["passed"] == true && gate["detail"].to_string().contains("closed on Sunday"), "{gate}");
    let accepted: Vec<&str> =
        plan["notes"].as_array().unwrap().iter().filter_map(|note| note.as_str()).collect();
    let drops = accepted.iter().find(|note| note.contains(": drop-column at ")).unwrap();
    assert!(drops.starts_with("accepted by ") && drops.contains("(closed on Sunday)"), "{drops}");
    // Another release is another word.
    shop.expect(&["deploy", "--release", "v3c"], 3);
}
