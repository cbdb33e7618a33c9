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
    let found = shop.expect(&[&review[..], &["--format", "json"]].concat(), 1).stdout;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let errors =
        found["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
    let rules: Vec<&str> = errors.filter_map(|finding| finding["rule"].as_str()).collect();
    assert!(rules.contains(&"rename-column"), "{found}");
    shop.expect(&deploy, 3);
    shop.expect(&[&review[..], &["--accept", "closed on Sunday"]].concat(), 0);
    let plan = shop.expect(&["plan", "--release", "v2", "--format", "json"], 0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let gate = plan["gate_states"].as_array().unwrap().iter().find(|gate| gate["name"] == "review").unwrap();
    assert!(gate["passed"] == true && gate["detail"].to_string().contains("closed on Sunday"), "{gate}");
    let accepted: Vec<&str> =
        plan["notes"].as_array().unwrap().iter().filter_map(|note| note.as_str()).collect();
    for rule in rules {
        let note = accepted.iter().find(|note| note.contains(&format!(": {rule} at ")));
        let said =
            note.is_some_and(|note| note.starts_with("accepted by ") && note.contains("(closed on Sunday)"));
        assert!(said, "{rule} is not in {accepted:?}");
    }
    // Another release is another word.
    shop.expect(&["deploy", "--release", "v3c"], 3);
}
