//! What the maintenance role may do, and what each missing right costs.

use async_trait::async_trait;
use switchback_model::Result;
use switchback_postgres::session::{Session, ident};

use super::{Connection, Examination, Look, Needs, Site, as_superuser, pooling, some_of};

/// Roles belong to the server: any database will do to change them.
const ANY: &str = "postgres";

pub(super) struct Rights;

#[async_trait(?Send)]
impl Examination for Rights {
    fn name(&self) -> &'static str {
        "rights"
    }

    fn connection(&self) -> Connection {
        Connection::Target
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let role = Role::read(site.admin()?, site.name()).await?;
        let mut looks = migrating(site).await?;
        if role.superuser {
            looks.push(Look::good("rights", format!("role `{}` is a superuser", role.name)));
            return Ok(looks);
        }
        looks.extend(ownership(site, &role));
        looks.extend(create_database(site, &role));
        looks.extend(sessions(site, &role).await?);
        looks.extend(reading(site, &role).await?);
        looks.extend(row_security(site, &role).await?);
        looks.extend(becoming_owner(site, &role).await?);
        if looks.iter().all(|look| look.title == MIGRATING) {
            let may = "owns the target, creates databases, ends and sees sessions, reads every table";
            looks.push(Look::good("rights", format!("role `{}` {may}", role.name)));
        }
        Ok(looks)
    }
}

/// The maintenance role, as far as it matters here.
#[expect(clippy::struct_excessive_bools, reason = "rights are independent of each other")]
struct Role {
    name: String,
    superuser: bool,
    create_database: bool,
    owner: String,
    /// It acts as the owner without further words (`usage`, not only `member`: PostgreSQL manual, 22.3).
    owns: bool,
    signals: bool,
    sees: bool,
    reads_all: bool,
}

impl Role {
    async fn read(session: &Session, target: &str) -> Result<Self> {
        // pg_read_all_data is there from 14 on.
        let sql = "select r.rolname::text, r.rolsuper, r.rolcreatedb, d.owner::text, pg_has_role(d.datdba, 'usage'), \
                   pg_has_role('pg_signal_backend', 'usage'), pg_has_role('pg_read_all_stats', 'usage'), \
                   exists (select from pg_roles a where a.rolname = 'pg_read_all_data' and pg_has_role(a.oid, 'usage')) \
                   from pg_roles r, lateral (select datdba, pg_get_userbyid(datdba) as owner from pg_database \
                   where datname = $1::text::name) d where r.rolname = current_user";
        let row = session.one(sql, &[&target]).await?;
        Ok(Self {
            name: row.get(0),
            superuser: row.get(1),
            create_database: row.get(2),
            owner: row.get(3),
            owns: row.get(4),
            signals: row.get(5),
            sees: row.get(6),
            reads_all: row.get(7),
        })
    }
}

const MIGRATING: &str = "rights of the migrator";

/// What the role of `database_url` lacks that migrations usually need. From 15 on only the owner of
/// the database may create in the schema `public` (PostgreSQL 15, release notes).
async fn migrating(site: &Site<'_>) -> Result<Vec<Look>> {
    let Ok(session) = site.application() else { return Ok(Vec::new()) };
    let sql = "select current_user::text, exists (select from pg_namespace where nspname !~ '^pg_' \
               and nspname <> 'information_schema' and has_schema_privilege(oid, 'create'))";
    let row = match session.one(sql, &[]).await {
        // The look at poolers says it.
        Err(failure) if pooling::is_of_pooler(&failure) => return Ok(Vec::new()),
        row => row?,
    };
    let (role, creates): (String, bool) = (row.get(0), row.get(1));
    let mut looks = Vec::new();
    if !creates {
        let sql = format!("grant usage, create on schema public to {}", ident(&role));
        let seen = format!("role `{role}` may create tables in no schema");
        looks.push(Look::note(MIGRATING, seen).cure(as_superuser(site, site.name(), &sql)));
    }
    let sql = format!(
        "select format('%I.%I', n.nspname, c.relname) {OURS} and c.relkind in ('r', 'p', 'v', 'm') \
        and not pg_has_role(c.relowner, 'usage') and not exists (select from pg_depend where objid = c.oid and deptype = 'e') order by 1"
    );
    let names: Vec<String> = session.rows(&sql, &[]).await?.iter().map(|row| row.get(0)).collect();
    if !names.is_empty() {
        let seen = format!("role `{role}` can't alter what others own: {}", some_of(&names));
        let sql = format!("alter table {} owner to {}", names[0], ident(&role));
        looks.push(Look::note(MIGRATING, seen).cure(as_superuser(site, site.name(), &sql)));
    }
    Ok(looks)
}

fn ownership(site: &Site<'_>, role: &Role) -> Option<Look> {
    if role.owns {
        return None;
    }
    let seen = format!(
        "role `{}` is not, and does not inherit from, the target's owner `{}`",
        role.name, role.owner
    );
    let look = Look::bad("owner of the target", format!("{seen}: no marker, no fence, no copy, no swap"));
    let sql = format!("grant {} to {}", ident(&role.owner), ident(&role.name));
    Some(look.cure(as_superuser(site, ANY, &sql)))
}

/// A rename needs it as well as a copy does (PostgreSQL manual, ALTER DATABASE).
fn create_database(site: &Site<'_>, role: &Role) -> Option<Look> {
    if role.create_database {
        return None;
    }
    let Needs { copy, closed_fence, swap, automatic, .. } = *site.needs;
    let costs = [
        (closed_fence, closed_fence, "no closed fence (a rename)"),
        (copy, copy && !automatic, "no copy as restore point"),
        (swap, swap && !automatic, "no swap"),
    ];
    let lost: Vec<&str> = costs.iter().filter(|(lost, ..)| *lost).map(|(.., what)| *what).collect();
    let cost = if lost.is_empty() { "not needed by this plan".to_owned() } else { lost.join(", ") };
    let remains = "the downgrade remains as way back, tried on a copy on the scratch server";
    let seen = format!("role `{}` may not create databases: {cost}; {remains}", role.name);
    let sql = format!("alter role {} createdb", ident(&role.name));
    let cure = format!(
        "{}; or, without that right: fence = \"read-only\" and restore_point = \"down\" in [environments.{}]",
        as_superuser(site, ANY, &sql),
        site.world.config.environment_name
    );
    Some(Look::needed(costs.iter().any(|(_, bad, _)| *bad), "CREATEDB", seen).cure(cure))
}

/// From 16 on a membership may inherit and still not let the role be set, and a copy is given to its
/// owner only by a role that may (PostgreSQL manual, GRANT).
async fn becoming_owner(site: &Site<'_>, role: &Role) -> Result<Option<Look>> {
    if site.identity()?.major() < 16 || !role.owns || !(site.needs.swap || site.needs.copy) {
        return Ok(None);
    }
    let sql = "select pg_has_role(datdba, 'set') from pg_database where datname = $1::text::name";
    if site.admin()?.one(sql, &[&site.name()]).await?.get(0) {
        return Ok(None);
    }
    let seen = format!(
        "role `{}` can't become `{}` (WITH SET FALSE): a copy can't be given to the owner",
        role.name, role.owner
    );
    let sql = format!("grant {} to {} with set true", ident(&role.owner), ident(&role.name));
    Ok(Some(Look::bad("becoming the owner", seen).cure(as_superuser(site, ANY, &sql))))
}

/// Sessions of others: whether they are seen, and whether they can be ended.
async fn sessions(site: &Site<'_>, role: &Role) -> Result<Vec<Look>> {
    // Of a session that may not be seen even its kind is hidden; its role is not.
    let sql = "select distinct a.usename::text, r.rolsuper from pg_stat_activity a join pg_roles r on r.oid = a.usesysid \
               where a.datname = $1::text::name and not pg_has_role(a.usesysid, 'usage') \
               and coalesce(a.backend_type, 'client backend') = 'client backend' order by 1";
    let rows = site.admin()?.rows(sql, &[&site.name()]).await?;
    let names = |superusers: bool| -> Vec<String> {
        rows.iter().filter(|row| row.get::<_, bool>(1) == superusers).map(|row| row.get(0)).collect()
    };
    let (others, superusers) = (names(false), names(true));
    let fenced = site.needs.closed_fence;
    let mut looks = Vec::new();
    if !role.signals {
        looks.push(not_signalled(site, role, &others));
    }
    if !role.sees {
        let seen = format!(
            "role `{}` can't see what sessions of other roles do: who blocks whom stays hidden",
            role.name
        );
        let sql = format!("grant pg_read_all_stats to {}", ident(&role.name));
        looks.push(Look::note("sessions of others", seen).cure(as_superuser(site, ANY, &sql)));
    }
    if !superusers.is_empty() {
        let seen =
            format!("superusers are connected, whose sessions nobody else can end: {}", some_of(&superusers));
        let sql = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}' and usesysid in \
                           (select oid from pg_roles where rolsuper)",
            site.name().replace('\'', "''")
        );
        looks.push(Look::needed(fenced, "sessions of superusers", seen).cure(as_superuser(site, ANY, &sql)));
    }
    Ok(looks)
}

fn not_signalled(site: &Site<'_>, role: &Role, others: &[String]) -> Look {
    const TITLE: &str = "ending sessions";
    let sql = format!("grant pg_signal_backend to {}", ident(&role.name));
    let cure = as_superuser(site, ANY, &sql);
    if others.is_empty() {
        let seen =
            format!("role `{}` can end only its own sessions; no others are in the target now", role.name);
        return Look::note(TITLE, seen).cure(cure);
    }
    let seen = format!(
        "role `{}` can't end the sessions of {}: the fence and a swap would fail",
        role.name,
        some_of(others)
    );
    Look::needed(site.needs.closed_fence || site.needs.swap || site.needs.copy, TITLE, seen).cure(cure)
}

/// Tables and sequences of users; those of extensions are read as well as any other.
const OURS: &str = "from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

async fn reading(site: &Site<'_>, role: &Role) -> Result<Option<Look>> {
    let sql = format!(
        "select format('%I.%I', n.nspname, c.relname), n.nspname::text {OURS} and c.relkind in ('r', 'p', 'm', 'S') \
         and not (has_schema_privilege(n.oid, 'usage') and case c.relkind \
         when 'S' then has_sequence_privilege(c.oid, 'select') else has_table_privilege(c.oid, 'select') end) order by 1"
    );
    let rows = site.target()?.rows(&sql, &[]).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let seen = format!("role `{}` may not read {}: no backup, no comparison", role.name, some_of(&names));
    let mut schemas: Vec<String> = rows.iter().map(|row| ident(row.get(1))).collect();
    schemas.dedup();
    let sql = if site.identity()?.major() >= 14 && !role.reads_all {
        format!("grant pg_read_all_data to {}", ident(&role.name))
    } else {
        let (schemas, name) = (schemas.join(", "), ident(&role.name));
        format!(
            "grant usage on schema {schemas} to {name}; grant select on all tables in schema {schemas} to {name}; \
                 grant select on all sequences in schema {schemas} to {name}"
        )
    };
    Ok(Some(Look::bad("reading every table", seen).cure(as_superuser(site, site.name(), &sql))))
}

async fn row_security(site: &Site<'_>, role: &Role) -> Result<Option<Look>> {
    let sql = format!(
        "select format('%I.%I', n.nspname, c.relname) {OURS} and c.relrowsecurity and row_security_active(c.oid) order by 1"
    );
    let rows = site.target()?.rows(&sql, &[]).await?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let seen = format!(
        "policies hide rows of {} from role `{}`: a dump of them is refused",
        some_of(&names),
        role.name
    );
    let sql = format!("alter role {} bypassrls", ident(&role.name));
    Ok(Some(Look::bad("row security", seen).cure(as_superuser(site, ANY, &sql))))
}
