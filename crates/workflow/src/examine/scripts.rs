//! Scripts that name the database itself: behind a closed fence it has another name.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_review::{Finding, Live, Options, Script, review};

use super::{Examination, Look, Site};

/// The rule that decides here; the others are the review's own business, before a run.
const RULE: &str = "names-database";

pub(super) struct Scripts;

#[async_trait(?Send)]
impl Examination for Scripts {
    fn name(&self) -> &'static str {
        "scripts"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let scripts = &site.needs.scripts;
        let read: Vec<Script<'_>> = scripts.iter().map(|(path, text)| Script::new(path, text)).collect();
        let options = Options { database: site.name().to_owned(), ..Options::default() };
        let found = review(&read, &options, &Live::default());
        let mut looks: Vec<Look> = found
            .findings
            .iter()
            .filter(|finding| finding.rule == RULE)
            .map(|finding| named(finding, site.needs.closed_fence))
            .collect();
        if looks.is_empty() && !scripts.is_empty() {
            looks.push(Look::good("scripts", format!("none of {} names the database", scripts.len())));
        }
        Ok(looks)
    }
}

fn named(finding: &Finding, closed_fence: bool) -> Look {
    let seen = format!("{}:{}: {}; {}", finding.file, finding.line, finding.message, finding.why);
    Look::needed(closed_fence, "script that names its database", seen).cure(&*finding.help)
}
