//! Which way down belongs to which way up.

use switchback_review::{Direction, Live, Options, Script, review};

/// The rules on pairs that have something to say of these files, which are all of one version.
fn said(files: &[(&'static str, &'static str)]) -> Vec<String> {
    let script = |(path, text): &(&'static str, &'static str)| Script {
        direction: if path.ends_with(".down.sql") { Direction::Down } else { Direction::Up },
        revision: "1",
        ..Script::new(path, text)
    };
    let scripts: Vec<Script<'_>> = files.iter().map(script).collect();
    let found = review(&scripts, &Options::default(), &Live::default()).findings;
    let of_pairs = ["asymmetric-down", "missing-down"];
    let told = found.iter().filter(|one| of_pairs.contains(&&*one.rule));
    told.map(|one| format!("{} {}", one.file, one.rule)).collect()
}

const UPS: [(&str, &str); 2] =
    [("1_a.up.sql", "CREATE TABLE a (id bigint);"), ("1_b.up.sql", "CREATE TABLE b (id bigint);")];

#[test]
fn of_two_of_one_version_each_has_its_own() {
    let downs = [("1_a.down.sql", "DROP TABLE a;"), ("1_b.down.sql", "DROP TABLE b;")];
    assert_eq!(said(&[UPS, downs].concat()), [""; 0]);
    let [first, second] = downs;
    assert_eq!(said(&[UPS.as_slice(), &[first]].concat()), ["1_b.up.sql missing-down"]);
    assert_eq!(said(&[UPS.as_slice(), &[second]].concat()), ["1_a.up.sql missing-down"]);
}

#[test]
fn what_is_not_taken_back_is_named_at_its_own() {
    let downs = [("1_a.down.sql", "DROP TABLE a;"), ("1_b.down.sql", "SELECT 1;")];
    assert_eq!(said(&[UPS, downs].concat()), ["1_b.down.sql asymmetric-down"]);
}
