//! What the demo itself sees before and after a run that was taken back.

use std::collections::BTreeSet;

use switchback_engine::cancel::Cancel;
use switchback_model::Result;
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::{self, DataFacts, Scope};
use switchback_postgres::server;
use switchback_postgres::settings::DatabaseSettings;

use super::ada::Ada;

/// The old release writes its own row when it is started again: the only difference there may be.
const STARTS: &[&str] = &["table public.service_starts", "sequence public.service_starts_id_seq"];

/// Everything that must be equal.
pub(super) struct Seen {
    catalog: Catalog,
    data: DataFacts,
    settings: DatabaseSettings,
    commit: String,
    databases: BTreeSet<String>,
}

impl Seen {
    /// Looks with sessions of its own.
    pub(super) async fn look(ada: &Ada) -> Result<Self> {
        let admin = ada.session("postgres").await?;
        let target = ada.session("ada").await?;
        let scope = Scope { snapshot: None, jobs: 2, only: None };
        let data =
            digest::read(&ada.target(), "switchback demo", scope, &Cancel::never(), &mut |_, _| {}).await?;
        let databases = server::databases(&admin).await?.into_iter().map(|database| database.name);
        // What is swapped out is kept, and said; all else must be gone.
        let kept = |name: &String| name.starts_with("ada_failed_") || name.starts_with("ada_rp_");
        Ok(Self {
            catalog: Catalog::read(&target).await?,
            data,
            settings: DatabaseSettings::read(&admin, "ada").await?,
            commit: ada.commit().await?,
            databases: databases.filter(|name| !kept(name)).collect(),
        })
    }

    /// What is not as it was.
    pub(super) fn differences(&self, after: &Self) -> Vec<String> {
        let mut found: Vec<String> =
            self.catalog.diff(&after.catalog).into_iter().map(|d| d.object).collect();
        for difference in self.data.diff(&after.data) {
            let own = STARTS.contains(&difference.object.as_str());
            if !(own && self.one_start_more(after)) {
                found.push(difference.object);
            }
        }
        found.extend(self.settings.differences(&after.settings));
        if self.commit != after.commit {
            found.push(format!("the checkout is at {}, not at {}", after.commit, self.commit));
        }
        found.extend(
            self.databases.symmetric_difference(&after.databases).map(|name| format!("database {name}")),
        );
        found
    }

    /// The sentence of the summary.
    pub(super) fn equal_to(&self) -> String {
        let rows: i64 = self.data.tables.values().map(|table| table.rows).sum();
        format!(
            "equal to before: {} catalog objects with grants, {} tables, {rows} rows, {} sequences, settings \
             (but for the row that v2 writes when it starts)",
            self.catalog.objects.len(),
            self.data.tables.len(),
            self.data.sequences.len()
        )
    }

    fn one_start_more(&self, after: &Self) -> bool {
        let rows = |seen: &Self| seen.data.tables.get("public.service_starts").map_or(0, |table| table.rows);
        rows(after) == rows(self) + 1
    }
}
