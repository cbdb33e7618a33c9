//! One document for scripts: the model's own types, as the schema `review` describes them.

use std::io::{self, Write};

use super::Reviewed;
use super::parts::machine;

pub(super) fn write(reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
    machine::json(out, reviewed.findings)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use switchback_model::finding::Findings;

    use crate::findings::parts::testing::{Sample, hostile};

    #[test]
    fn the_document_is_what_scripts_were_promised() {
        let sample = Sample::some();
        let document: Value = serde_json::from_str(&sample.shown("json")).unwrap();
        insta::assert_snapshot!(format!("{:#}", document["findings"][1]), @r#"
        {
          "code": "SR0301",
          "column": 1,
          "end_column": 53,
          "end_line": 4,
          "file": "migrations/0003_orders.sql",
          "fix": {
            "changes_result": false,
            "sql": "create index concurrently orders_customer on orders (customer_id);",
            "steps": [
              {
                "outside_transaction": true,
                "sql": "create index concurrently orders_customer on orders (customer_id)",
                "with_previous": false
              }
            ],
            "title": "Build it while writers go on"
          },
          "help": "",
          "line": 4,
          "lock": {
            "mode": "SHARE",
            "relation": "orders",
            "rewrite": false,
            "scan": true
          },
          "message": "writers of `orders` wait until the index is built",
          "rule": "create-index-blocking",
          "severity": "warning",
          "statement": "create index orders_customer on orders (customer_id)",
          "why": "`CREATE INDEX` holds SHARE until its end"
        }
        "#);
        assert_eq!(
            document["summary"].to_string(),
            r#"{"allowed":0,"baseline":0,"error":1,"files":3,"info":1,"warning":1}"#
        );
        let none = Sample::nothing(1).shown("json");
        let none: Value = serde_json::from_str(&none).unwrap();
        assert_eq!(none["findings"], Value::Array(Vec::new()));
    }

    #[test]
    fn every_character_reads_back() {
        for sample in [Sample::some(), hostile()] {
            let back: Findings = serde_json::from_str(&sample.shown("json")).unwrap();
            assert_eq!(back, sample.findings);
        }
    }
}
