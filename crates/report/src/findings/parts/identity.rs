//! What a finding is called over time: the same as long as the same rule says it of the same
//! statement in the same file, wherever in the file that stands by now.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use switchback_model::finding::Finding;

/// Gives names to findings in their order.
#[derive(Default)]
pub(in crate::findings) struct Identities {
    /// How often a name was given: what is said twice of the same statement is told apart by its order.
    given: HashMap<[u8; 32], u64>,
}

impl Identities {
    /// The finding's name: 32 hexadecimal digits, no two alike in one review.
    pub(in crate::findings) fn of(&mut self, finding: &Finding) -> String {
        let name = name(finding);
        let before = self.given.entry(name).or_default();
        let mut numbered = Sha256::new_with_prefix(name);
        numbered.update(before.to_be_bytes());
        *before += 1;
        hex::encode(&numbered.finalize()[..16])
    }
}

/// Neither the place nor the words: both change while the finding stays.
fn name(finding: &Finding) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [&*finding.code, super::words::path(finding)] {
        digest.update(part);
        digest.update([0]);
    }
    for word in finding.statement.split_whitespace() {
        digest.update(word);
        digest.update(" ");
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::parts::testing::Sample;

    fn names(findings: &[Finding]) -> Vec<String> {
        let mut identities = Identities::default();
        findings.iter().map(|finding| identities.of(finding)).collect()
    }

    #[test]
    fn a_finding_keeps_its_name_when_it_moves() {
        let findings = Sample::some().findings.findings;
        let mut moved = findings.clone();
        for finding in &mut moved {
            (finding.line, finding.column) = (finding.line + 7, 1);
            finding.statement = format!("  {}\n", finding.statement.replace(' ', "\n\t")).into();
            finding.message.push_str(", 41 GB by now");
        }
        assert_eq!(names(&findings), names(&moved));
    }

    #[test]
    fn no_two_findings_have_one_name() {
        let one = Sample::some().findings.findings[0].clone();
        let of = |change: fn(&mut Finding)| {
            let mut other = one.clone();
            change(&mut other);
            other
        };
        let all = [
            one.clone(),
            one.clone(),
            of(|one| one.code = "SR0999".into()),
            of(|one| one.file = "other.sql".into()),
            of(|one| one.statement = "drop table users".into()),
        ];
        let mut given = names(&all);
        assert!(given.iter().all(|name| name.len() == 32));
        given.sort();
        given.dedup();
        assert_eq!(given.len(), all.len());
    }
}
