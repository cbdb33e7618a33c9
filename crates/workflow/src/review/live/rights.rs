//! What the role that runs migrations may not do. One that may do everything lacks nothing, and then
//! nothing is asked.

use switchback_model::Result;
use switchback_postgres::Session;
use switchback_review::{Fact, Live, LiveLack, LiveRole};

use super::schema::OWN;

const ROLE: &str = "
    select rolsuper, rolcreaterole, rolcreatedb, has_database_privilege(rolname, current_database(), 'CREATE')
      from pg_roles where rolname = $1::text::name";

const SCHEMAS: &str = "
    select n.nspname::text, array_remove(array[
             case when not has_schema_privilege($1::text::name, n.oid, 'CREATE') then 'CREATE' end,
             case when not has_schema_privilege($1::text::name, n.oid, 'USAGE') then 'USAGE' end,
             case when not pg_has_role($1::text::name, n.nspowner, 'USAGE') then 'ownership' end], null)
      from pg_namespace n where @OWN";

/// An owner lacks nothing: what they took from themselves, they can give themselves.
const RELATIONS: &str = "
    select n.nspname || '.' || c.relname, pg_get_userbyid(c.relowner)::text, array['ownership'] ||
             case when c.relkind = 'S' then array[]::text[] else array_remove(array[
             case when not has_table_privilege($1::text::name, c.oid, 'SELECT') then 'SELECT' end,
             case when not has_any_column_privilege($1::text::name, c.oid, 'INSERT') then 'INSERT' end,
             case when not has_any_column_privilege($1::text::name, c.oid, 'UPDATE') then 'UPDATE' end,
             case when not has_table_privilege($1::text::name, c.oid, 'DELETE') then 'DELETE' end,
             case when not has_table_privilege($1::text::name, c.oid, 'TRUNCATE') then 'TRUNCATE' end,
             case when not has_any_column_privilege($1::text::name, c.oid, 'REFERENCES') then 'REFERENCES' end,
             case when not has_table_privilege($1::text::name, c.oid, 'TRIGGER') then 'TRIGGER' end], null) end
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and @OWN and not pg_has_role($1::text::name, c.relowner, 'USAGE')
    union all
    select n.nspname || '.' || p.proname || '()', pg_get_userbyid(p.proowner)::text, array['ownership']
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where @OWN and not pg_has_role($1::text::name, p.proowner, 'USAGE')
    union all
    select n.nspname || '.' || t.typname, pg_get_userbyid(t.typowner)::text, array['ownership']
      from pg_type t join pg_namespace n on n.oid = t.typnamespace
     where t.typtype in ('e', 'd') and @OWN and not pg_has_role($1::text::name, t.typowner, 'USAGE')";

/// What the role lacks.
pub(super) async fn rights(session: &Session, role: &str, live: &mut Live) -> Result<()> {
    let Some(row) = session.optional(ROLE, &[&role]).await? else {
        live.unknown
            .insert(Fact::Rights, format!("the server has no role `{role}`: a pooler may log in as another"));
        return Ok(());
    };
    let known = LiveRole {
        name: role.to_owned(),
        superuser: row.get(0),
        creates_roles: row.get(1),
        creates_databases: row.get(2),
        creates_in_database: row.get(3),
    };
    let everything = known.superuser;
    live.role = Some(known);
    let schemas = session.rows(&SCHEMAS.replace("@OWN", OWN), &[&role]).await?;
    live.schemas = Some(schemas.iter().map(|row| (row.get(0), row.get(1))).collect());
    if everything {
        return Ok(());
    }
    for row in session.rows(&RELATIONS.replace("@OWN", OWN), &[&role]).await? {
        live.lacks.insert(row.get(0), LiveLack { owner: row.get(1), lacks: row.get(2) });
    }
    Ok(())
}
