//! Whether what is dumped can be made again, by the role and on the server where that will be done.
//!
//! A role that is no superuser can't make every object that it can read: extensions that are not
//! trusted, event triggers, functions in C, and what belongs to roles that it can't become
//! (PostgreSQL manual, pg_restore and CREATE EXTENSION). That is to be known before the hour in which
//! the dump is needed.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_postgres::session::{Session, ident};

use super::{Connection, Examination, Look, Site, as_superuser, some_of};

/// Roles of providers whose members may make more than PostgreSQL itself would let them.
const PROVIDERS: &[&str] =
    &["rds_superuser", "cloudsqlsuperuser", "alloydbsuperuser", "azure_pg_admin", "neon_superuser"];

pub(super) struct Restoring;

#[async_trait(?Send)]
impl Examination for Restoring {
    fn name(&self) -> &'static str {
        "restoring"
    }

    fn connection(&self) -> Connection {
        Connection::Target
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let mut looks = Vec::new();
        looks.extend(no_way_back(site));
        if site.needs.dump
            && let Some(url) = &site.world.config.scratch_url
            && let Ok(session) = Session::connect(url, &site.world.application()).await
        {
            let place = Place {
                site,
                session: &session,
                title: "making the backup again on scratch_url",
                needed: true,
            };
            looks.extend(place.look().await?);
        }
        let title = "making the backup again on the target's server";
        let needed = site.needs.swap && !site.needs.copy;
        looks.extend(Place { site, session: site.admin()?, title, needed }.look().await?);
        Ok(looks)
    }
}

/// Law of the house: no way forward without a way back that was proven, or can be.
fn no_way_back(site: &Site<'_>) -> Option<Look> {
    let names = &site.needs.no_down;
    if names.is_empty() {
        return None;
    }
    let seen =
        format!("the downgrade would be the only way back, and {} can't be taken back by it", some_of(names));
    let cure = if site.needs.swap {
        let environment = &site.world.config.environment_name;
        format!(
            "write the downgrade; or set fence = \"closed\" in [environments.{environment}]: behind a read-only fence \
             the copy is no way back, for nobody knows whose a write is"
        )
    } else {
        "write the downgrade; or give the role of maintenance_url CREATEDB and set restore_point = \"clone\""
            .into()
    };
    Some(Look::bad("way back", seen).cure(cure))
}

/// A server on which a dump becomes a database, and the role that does it.
struct Place<'a> {
    site: &'a Site<'a>,
    session: &'a Session,
    title: &'static str,
    needed: bool,
}

impl Place<'_> {
    async fn look(&self) -> Result<Vec<Look>> {
        let sql = "select rolname::text, rolsuper, exists (select from pg_roles p where p.rolname = any($1::text[]) \
                   and pg_has_role(p.oid, 'member')) from pg_roles r where rolname = current_user";
        let row = self.session.one(sql, &[&PROVIDERS]).await?;
        let (role, superuser, provider): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
        let mut looks: Vec<Look> = self.extensions(&role, superuser, provider).await?;
        if !superuser {
            looks.extend(self.owners(&role).await?);
            looks.extend(self.objects(&role, provider).await?);
        }
        Ok(looks)
    }

    fn say(&self, needed: bool, seen: String) -> Look {
        Look::needed(self.needed && needed, self.title, seen)
    }

    async fn extensions(&self, role: &str, superuser: bool, provider: bool) -> Result<Vec<Look>> {
        let sql = "select extname::text from pg_extension where extname <> 'plpgsql' order by 1";
        let rows = self.site.target()?.rows(sql, &[]).await?;
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let sql = "select n, e.name is not null, coalesce(bool_or(e.superuser and not e.trusted), false) \
                   from unnest($1::text[]) n left join pg_available_extension_versions e on e.name = n::name \
                   group by 1, 2 order by 1";
        let rows = self.session.rows(sql, &[&names]).await?;
        let missing: Vec<String> =
            rows.iter().filter(|row| !row.get::<_, bool>(1)).map(|row| row.get(0)).collect();
        let guarded: Vec<String> =
            rows.iter().filter(|row| row.get::<_, bool>(2)).map(|row| row.get(0)).collect();
        let mut looks = Vec::new();
        if !missing.is_empty() {
            let seen =
                format!("the target has extensions that this server does not offer: {}", some_of(&missing));
            looks.push(
                self.say(true, seen).cure("install their packages on that server; or leave scratch_url out"),
            );
        }
        if !superuser && !guarded.is_empty() {
            let seen =
                format!("role `{role}` may not make these extensions (not trusted): {}", some_of(&guarded));
            let cure = "let a superuser be the role there; or restore_point = \"clone\", which copies them as they are";
            looks.push(self.say(!provider, seen).cure(cure));
        }
        Ok(looks)
    }

    /// Roles that own something in the target and that the role can't become there.
    async fn owners(&self, role: &str) -> Result<Option<Look>> {
        let sql = "select distinct r.rolname::text from pg_shdepend s join pg_roles r on r.oid = s.refobjid \
                   where s.refclassid = 'pg_authid'::regclass and s.deptype = 'o' and r.oid <> 10 \
                   and s.dbid = (select oid from pg_database where datname = current_database()) order by 1";
        let rows = self.site.target()?.rows(sql, &[]).await?;
        let owners: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let can = if self.major().await? < 16 { "member" } else { "set" };
        // One that is not there is made for the time of a proof.
        let sql = format!(
            "select rolname::text from pg_roles where rolname = any($1::text[]) and not pg_has_role(oid, '{can}') order by 1"
        );
        let rows = self.session.rows(&sql, &[&owners]).await?;
        let others: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        if others.is_empty() {
            return Ok(None);
        }
        let seen = format!(
            "role `{role}` can't give objects to their owners: it is no member of {}",
            some_of(&others)
        );
        let names: Vec<String> = others.iter().map(|name| ident(name)).collect();
        let sql = format!("grant {} to {}", names.join(", "), ident(role));
        Ok(Some(
            self.say(true, seen)
                .cure(format!("on that server, {}", as_superuser(self.site, "postgres", &sql))),
        ))
    }

    /// What only a superuser makes, and no extension brings.
    async fn objects(&self, role: &str, provider: bool) -> Result<Option<Look>> {
        const EXTENSION: &str =
            "select objid from pg_depend where deptype = 'e' and refclassid = 'pg_extension'::regclass";
        let sql = format!(
            "select 'event trigger ' || evtname from pg_event_trigger where oid not in ({EXTENSION}) \
             union all select 'publication ' || pubname || ' of all tables' from pg_publication where puballtables \
             union all select 'foreign-data wrapper ' || fdwname from pg_foreign_data_wrapper where oid not in ({EXTENSION}) \
             union all select format('function %I.%I (%s)', n.nspname, p.proname, l.lanname) from pg_proc p \
                       join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang \
                       where not l.lanpltrusted and l.lanname <> 'sql' and p.oid >= 16384 and p.oid not in ({EXTENSION})"
        );
        let rows = self.site.target()?.rows(&sql, &[]).await?;
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        if names.is_empty() {
            return Ok(None);
        }
        let seen = format!("role `{role}` may not make what only a superuser makes: {}", some_of(&names));
        let cure =
            "let a superuser be the role there; or restore_point = \"clone\", which copies them as they are";
        Ok(Some(self.say(!provider, seen).cure(cure)))
    }

    async fn major(&self) -> Result<i32> {
        let sql = "select current_setting('server_version_num')::int4 / 10000";
        Ok(self.session.one(sql, &[]).await?.get(0))
    }
}
