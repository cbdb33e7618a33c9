//! Whether the server answers, whether it is one server, and whether it is one that we know.

use async_trait::async_trait;
use switchback_model::{DatabaseUrl, Result};
use switchback_postgres::lease;
use switchback_postgres::programs::MAJORS;
use switchback_postgres::server::Identity;
use switchback_postgres::session::{Session, ident};

use super::{Examination, Look, Site, as_superuser, pooling};

const APPLICATION: &str = "connection by database_url";
const MAINTENANCE: &str = "connection by maintenance_url";

pub(super) struct Server;

#[async_trait(?Send)]
impl Examination for Server {
    fn name(&self) -> &'static str {
        "server"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let mut looks = connections(site).await?;
        if site.admin.is_err() {
            return Ok(looks);
        }
        let identity = site.identity()?;
        looks.push(version(identity));
        if let Ok(application) = site.application() {
            match Identity::read(application).await {
                Ok(found) => looks.extend(same(identity, &found)),
                // The look at poolers says it.
                Err(failure) if pooling::is_of_pooler(&failure) => {}
                Err(failure) => return Err(failure),
            }
        }
        looks.extend(recovery(site.admin()?).await?);
        looks.extend(open_run(site).await?);
        Ok(looks)
    }
}

/// Both connections; the same failure is said once.
async fn connections(site: &Site<'_>) -> Result<Vec<Look>> {
    let config = &site.world.config;
    let mut looks = Vec::new();
    match (&site.application, &site.admin) {
        (Err(one), Err(other)) if one.message == other.message => looks.push(Look::failed("connection", one)),
        (application, admin) => {
            let answer = match application {
                Ok(session) => answered(APPLICATION, session, &config.migrator_url()).await,
                Err(failure) => Err(failure.clone()),
            };
            looks.extend(match answer {
                Err(failure) if pooling::is_of_pooler(&failure) => None,
                Err(failure) => Some(Look::failed(APPLICATION, &failure)),
                Ok(look) => Some(look),
            });
            looks.push(match admin {
                Ok(session) => answered(MAINTENANCE, session, &config.maintenance_url).await?,
                Err(failure) => Look::failed(MAINTENANCE, failure),
            });
        }
    }
    // Said only where it is news: a target that is not there was named above.
    if let (Ok(session), Ok(_), Err(failure)) = (&site.admin, &site.application, &site.target) {
        let role: String = session.one("select current_user::text", &[]).await?.get(0);
        let mut look = Look::failed("connection of the maintenance role to the target", failure);
        if look.detail.contains("permission denied") {
            let sql = format!("grant connect on database {} to {}", ident(site.name()), ident(&role));
            look = look.cure(as_superuser(site, "postgres", &sql));
        }
        looks.push(look);
    }
    Ok(looks)
}

async fn answered(title: &str, session: &Session, url: &DatabaseUrl) -> Result<Look> {
    let sql = "select current_user::text, current_database()::text, \
               coalesce(host(inet_server_addr()) || ' port ' || inet_server_port(), 'a unix socket')";
    let row = session.one(sql, &[]).await?;
    let (role, database, place): (String, String, String) = (row.get(0), row.get(1), row.get(2));
    let host = if url.host().is_empty() { String::new() } else { format!("{}, ", url.host()) };
    Ok(Look::good(title, format!("role `{role}`, database `{database}`, {host}{place}")))
}

fn version(identity: &Identity) -> Look {
    let seen = format!("PostgreSQL {}", identity.version);
    if MAJORS.contains(&identity.major()) {
        return Look::good("server version", seen);
    }
    Look::bad("server version", format!("{seen}; {} to {} are known", MAJORS.start(), MAJORS.end()))
        .cure(format!("upgrade the server to a version from {} to {}", MAJORS.start(), MAJORS.end()))
}

fn same(maintenance: &Identity, application: &Identity) -> Option<Look> {
    const TITLE: &str = "one server for both URLs";
    if maintenance.system_identifier != application.system_identifier {
        return Some(
            Look::bad(TITLE, "database_url and maintenance_url lead to different servers")
                .cure("let maintenance_url name the server of database_url, or leave it out"),
        );
    }
    (maintenance.timeline != application.timeline).then(|| {
        Look::bad(TITLE, "one of the URLs leads to a replica or to a server that was promoted since")
            .cure("let both URLs name the primary")
    })
}

async fn recovery(session: &Session) -> Result<Option<Look>> {
    let row = session
        .one("select pg_is_in_recovery(), current_setting('default_transaction_read_only')", &[])
        .await?;
    let (replica, read_only): (bool, String) = (row.get(0), row.get(1));
    if replica {
        let look = Look::bad("server", "it is a replica (in recovery): nothing can be written there");
        return Ok(Some(look.cure("let both URLs name the primary")));
    }
    let look = Look::bad(
        "server",
        "new sessions of the maintenance role can only read (default_transaction_read_only)",
    );
    Ok((read_only == "on")
        .then(|| look.cure("alter role … or alter database … reset default_transaction_read_only")))
}

/// Another run that is under way, or was left.
async fn open_run(site: &Site<'_>) -> Result<Option<Look>> {
    let open = lease::open_marker(site.admin()?, site.name()).await?;
    let others = open.filter(|(marker, _)| marker.run != site.world.run.0);
    Ok(others.map(|(marker, _)| Look::failed("open run", &crate::open_run::refusal(site.world, &marker))))
}
