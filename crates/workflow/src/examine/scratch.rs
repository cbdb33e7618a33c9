//! Where a backup is proven and migrations are rehearsed.

use async_trait::async_trait;
use switchback_model::{DatabaseUrl, Result};
use switchback_postgres::programs;
use switchback_postgres::server::Identity;
use switchback_postgres::session::Session;

use super::{Connection, Examination, Look, Mark, Site};

pub(super) struct Scratch;

#[async_trait(?Send)]
impl Examination for Scratch {
    fn name(&self) -> &'static str {
        "scratch"
    }

    fn connection(&self) -> Connection {
        Connection::Maintenance
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let mut looks = match &site.world.config.scratch_url {
            Some(url) => server(url, site.identity()?, &site.world.application()).await?,
            None => vec![private(site.identity()?.major()).await],
        };
        if !site.needs.dump {
            looks.iter_mut().filter(|look| look.mark == Mark::Bad).for_each(|look| look.mark = Mark::Note);
        }
        Ok(looks)
    }
}

/// A cluster of our own.
async fn private(major: u16) -> Look {
    const TITLE: &str = "private scratch cluster";
    match programs::find_server(Some(major)).await {
        Ok(bin) => {
            Look::good(TITLE, format!("initdb and postgres {} in {}", bin.version, bin.folder.display()))
        }
        Err(failure) => {
            let look = Look::failed(TITLE, &failure);
            let package = look.cure.clone().unwrap_or_default();
            look.cure(format!("{package}; or set scratch_url to a server of version {major}"))
        }
    }
}

async fn server(url: &DatabaseUrl, target: &Identity, application: &str) -> Result<Vec<Look>> {
    const TITLE: &str = "scratch_url";
    let session = match Session::connect(url, application).await {
        Ok(session) => session,
        Err(failure) => return Ok(vec![Look::failed(TITLE, &failure)]),
    };
    let identity = Identity::read(&session).await?;
    let mut looks = Vec::new();
    if identity.major() != target.major() {
        let seen = format!("PostgreSQL {}, and the target's server is {}", identity.version, target.version);
        looks.push(
            Look::bad(TITLE, format!("{seen}: a proof on another major version means nothing")).cure(
                format!("let scratch_url name a server of version {}, or leave it out", target.major()),
            ),
        );
    }
    if identity.system_identifier == target.system_identifier {
        looks.push(Look::note(
            TITLE,
            "it is the target's own server: proofs and rehearsals load it and fill its disk",
        ));
    }
    let sql = "select rolname::text, rolcreatedb or rolsuper from pg_roles where rolname = current_user";
    let row = session.one(sql, &[]).await?;
    let role: String = row.get(0);
    if !row.get::<_, bool>(1) {
        let look = Look::bad(TITLE, format!("role `{role}` may not create databases there"));
        looks.push(look.cure(format!("on that server: alter role \"{role}\" createdb")));
    }
    if looks.is_empty() {
        looks.push(Look::good(
            TITLE,
            format!("PostgreSQL {}, role `{role}` may create databases", identity.version),
        ));
    }
    Ok(looks)
}
