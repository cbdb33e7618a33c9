//! What a shop is at one moment, seen by the tests themselves.

use std::collections::BTreeSet;

use switchback_engine::cancel::Cancel;
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::{self, DataFacts, Scope};
use switchback_postgres::server;
use switchback_postgres::settings::DatabaseSettings;

use crate::shop::Shop;

/// Each start of a release writes a row of its own here.
const STARTS: &[&str] = &["table public.service_starts", "sequence public.service_starts_id_seq"];

/// Everything that must be equal when a run was taken back.
pub(crate) struct Picture {
    catalog: Catalog,
    pub(crate) data: DataFacts,
    settings: DatabaseSettings,
    databases: BTreeSet<String>,
    sessions: i64,
    commit: String,
    health: Option<String>,
    page: Option<u16>,
}

impl Picture {
    /// Looks.
    pub(crate) async fn of(shop: &Shop) -> Self {
        let (admin, target) = (shop.session("postgres").await, shop.session(shop.name()).await);
        let url = shop.admin().with_database(shop.name());
        let data = digest::read(&url, "test", Scope::default(), &Cancel::never(), &mut |_, _| {}).await;
        let name = shop.name();
        // What was swapped out is kept, and said, and so is a copy that a downgrade did not need; all
        // else must be gone.
        let kept = |other: &String| {
            ["failed", "rp"].iter().any(|kind| other.starts_with(&format!("{name}_{kind}_")))
        };
        let all = server::databases(&admin).await.unwrap().into_iter().map(|database| database.name);
        let ours = "select count(*) from pg_stat_activity where application_name like 'switchback 2%' \
                    and datname like $1 || '%'";
        Self {
            catalog: Catalog::read(&target).await.unwrap(),
            data: data.unwrap(),
            settings: DatabaseSettings::read(&admin, name).await.unwrap(),
            databases: all.filter(|other| other.starts_with(name) && !kept(other)).collect(),
            sessions: admin.one(ours, &[&name]).await.unwrap().get(0),
            commit: shop.commit(),
            health: shop.get("/api/health").map(|answer| answer.body),
            page: shop.get("/").map(|answer| answer.status),
        }
    }

    /// Fails with all that is not as it was.
    pub(crate) async fn assert_still(&self, shop: &Shop, what: &str) {
        let now = Self::of(shop).await;
        let found = self.differences(&now);
        assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
    }

    /// As [`Picture::assert_still`] after a downgrade in which rows were written anew: the order of
    /// columns and the digests of data differ then.
    pub(crate) async fn assert_same_shape(&self, shop: &Shop, what: &str) {
        let now = Self::of(shop).await;
        let mut found = self.differences(&now);
        found.retain(|line| {
            !["column order ", "table ", "sequence "].iter().any(|kind| line.starts_with(kind))
        });
        assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
    }

    /// How many rows a table has more than before.
    pub(crate) fn more(&self, now: &Self, table: &str) -> i64 {
        now.data.tables[table].rows - self.data.tables[table].rows
    }

    fn differences(&self, now: &Self) -> Vec<String> {
        let mut found: Vec<String> =
            self.catalog.diff(&now.catalog).into_iter().map(|difference| difference.object).collect();
        let data = self.data.diff(&now.data).into_iter();
        let data = data.filter(|difference| !STARTS.contains(&difference.object.as_str()));
        found.extend(data.map(|d| format!("{}: {:?}, then {:?}", d.object, d.before, d.after)));
        found.extend(self.settings.differences(&now.settings));
        let mut say = |what: &str, before: String, now: String| {
            if before != now {
                found.push(format!("{what}: {before}, then {now}"));
            }
        };
        say("databases", format!("{:?}", self.databases), format!("{:?}", now.databases));
        say("sessions of ours", self.sessions.to_string(), now.sessions.to_string());
        say("commit", self.commit.clone(), now.commit.clone());
        say("health", format!("{:?}", self.health), format!("{:?}", now.health));
        say("page", format!("{:?}", self.page), format!("{:?}", now.page));
        found
    }
}
