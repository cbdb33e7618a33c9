//! PostgreSQL's client programs: what dumps and restores.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_postgres::programs;

use super::{Connection, Examination, Look, Site};

const TITLE: &str = "pg_dump, pg_restore, pg_dumpall, psql";

pub(super) struct Programs;

#[async_trait(?Send)]
impl Examination for Programs {
    fn name(&self) -> &'static str {
        "programs"
    }

    fn connection(&self) -> Connection {
        Connection::Maintenance
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let look = match programs::find_client(site.identity()?.major()).await {
            Ok(bin) => Look::good(TITLE, format!("version {} in {}", bin.version, bin.folder.display())),
            Err(failure) => {
                Look { mark: Look::needed(site.needs.dump, "", "").mark, ..Look::failed(TITLE, &failure) }
            }
        };
        Ok(vec![look])
    }
}
