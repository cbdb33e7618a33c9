//! Making a database have these settings, and no others.

use std::collections::BTreeSet;

use switchback_model::{Effect, Failure, Result, code};

use super::{DatabaseSettings, Privilege, Settings, comment_statement, is_marker, list};
use crate::session::{Session, ident};

/// Statements that the server refused, with its reasons.
#[derive(Default)]
struct Refused(Vec<(String, Failure)>);

impl DatabaseSettings {
    /// Makes `database` have exactly these settings: what differs is changed, what is too much is
    /// reset or revoked, and what fits is left alone, so a second call does nothing. The session is
    /// in another database of the server, in no transaction, and its role owns the database or is a
    /// superuser.
    ///
    /// A comment that is the marker of a run stays: its owner lifts it
    /// ([`write_comment`](super::write_comment)). Whether connections are allowed comes last; a
    /// caller that holds the database closed sets `allow_connections` to false first. Tablespace,
    /// encoding and locale of a database can't be changed and are left to
    /// [`DatabaseSettings::differences`].
    ///
    /// # Errors
    /// [`code::METADATA`] where the server refuses something (a setting that only a superuser may
    /// set, a role that is not there any more): everything else is done, and each refused statement
    /// is a hint, to be run by a superuser. [`code::CONNECTION_LOST`], [`code::DATABASE_MISSING`].
    pub async fn apply(&self, session: &Session, database: &str) -> Result<()> {
        let mut refused = Refused::default();
        let name = ident(database);
        let now = Self::read(session, database).await?;
        if now.owner != self.owner {
            refused.run(session, format!("alter database {name} owner to {}", ident(&self.owner))).await?;
        }
        // A new owner takes the old one's place in the privileges.
        let now = Self::read(session, database).await?;
        for statement in self.statements(&now, database) {
            refused.run(session, statement).await?;
        }
        self.apply_privileges(session, database, &mut refused).await?;
        if now.allow_connections != self.allow_connections {
            let statement =
                format!("alter database {name} with allow_connections {}", self.allow_connections);
            refused.run(session, statement).await?;
        }
        refused.result(database)
    }

    /// What changes all but owner, privileges and whether connections are allowed.
    fn statements(&self, now: &Self, database: &str) -> Vec<String> {
        let name = ident(database);
        let mut statements = Vec::new();
        if now.connection_limit != self.connection_limit {
            statements.push(format!("alter database {name} with connection limit {}", self.connection_limit));
        }
        if now.is_template != self.is_template {
            statements.push(format!("alter database {name} with is_template {}", self.is_template));
        }
        if now.comment != self.comment && !is_marker(now.comment.as_deref()) {
            statements.push(comment_statement(database, self.comment.as_deref()));
        }
        change(&format!("alter database {name}"), &now.settings, &self.settings, &mut statements);
        let roles: BTreeSet<_> = now.settings_of_roles.keys().chain(self.settings_of_roles.keys()).collect();
        for role in roles {
            let [old, new] =
                [now, self].map(|settings| settings.settings_of_roles.get(role).cloned().unwrap_or_default());
            change(&format!("alter role {} in database {name}", ident(role)), &old, &new, &mut statements);
        }
        statements
    }

    /// First what is too much goes, with everything that was passed on from it; then what is missing
    /// comes, givers before takers.
    async fn apply_privileges(&self, session: &Session, database: &str, refused: &mut Refused) -> Result<()> {
        let now = Self::read(session, database).await?;
        for extra in now.privileges.iter().filter(|privilege| !self.privileges.contains(privilege)) {
            let statement = format!(
                "revoke {} on database {} from {} cascade",
                extra.privilege,
                ident(database),
                grantee(extra)
            );
            refused.run_as(session, &now.owner, &extra.grantor, statement).await?;
        }
        let now = Self::read(session, database).await?;
        let missing = self.privileges.iter().filter(|privilege| !now.privileges.contains(privilege));
        for privilege in givers_first(&self.owner, missing.collect()) {
            let option = if privilege.grantable { " with grant option" } else { "" };
            let statement = format!(
                "grant {} on database {} to {}{option}",
                privilege.privilege,
                ident(database),
                grantee(privilege)
            );
            refused.run_as(session, &self.owner, &privilege.grantor, statement).await?;
        }
        Ok(())
    }
}

/// Resets what is too much, sets what differs.
fn change(alter: &str, old: &Settings, new: &Settings, statements: &mut Vec<String>) {
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        statements.push(format!("{alter} reset {}", ident(name)));
    }
    for (name, value) in new.iter().filter(|(name, value)| old.get(*name) != Some(*value)) {
        statements.push(format!("{alter} set {} to {}", ident(name), list::value(name, value)));
    }
}

fn grantee(privilege: &Privilege) -> String {
    privilege.grantee.as_deref().map_or_else(|| "public".to_owned(), ident)
}

/// In an order in which nobody gives what is still to be given to them. The owner may give anything.
fn givers_first<'a>(owner: &str, mut waiting: Vec<&'a Privilege>) -> Vec<&'a Privilege> {
    let mut ordered: Vec<&Privilege> = Vec::new();
    while !waiting.is_empty() {
        let waits = |privilege: &Privilege| {
            privilege.grantor != owner
                && waiting.iter().any(|giver| {
                    giver.grantable
                        && giver.privilege == privilege.privilege
                        && giver.grantee.as_deref() == Some(privilege.grantor.as_str())
                })
        };
        let (later, ready): (Vec<_>, Vec<_>) =
            waiting.iter().copied().partition(|privilege| waits(privilege));
        if ready.is_empty() {
            // A circle, which the server does not allow; let it say so.
            ordered.extend(later);
            break;
        }
        ordered.extend(ready);
        waiting = later;
    }
    ordered
}

impl Refused {
    /// Runs a statement; a refusal of the server is kept, for the others may go through.
    async fn run(&mut self, session: &Session, statement: String) -> Result<()> {
        let ran = session.batch(&statement).await;
        self.keep(ran, statement)
    }

    /// The same as the role that gave a privilege, where that is not the owner: a grant is recorded
    /// as given by the one or the other, whoever runs it.
    async fn run_as(&mut self, session: &Session, owner: &str, role: &str, statement: String) -> Result<()> {
        if role == owner {
            return self.run(session, statement).await;
        }
        let role = ident(role);
        // One message, so one transaction: the role is ours again whatever happens.
        let ran = session.batch(&format!("set local role {role}; {statement}")).await;
        self.keep(ran, format!("set role {role}; {statement}; reset role"))
    }

    fn keep(&mut self, ran: Result<()>, statement: String) -> Result<()> {
        match ran {
            Err(failure) if failure.code == code::QUERY_FAILED => self.0.push((statement, failure)),
            other => return other.map_err(|failure| failure.effect(Effect::Unknown)),
        }
        Ok(())
    }

    fn result(self, database: &str) -> Result<()> {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        let message = match self.0.as_slice() {
            [(statement, _)] => format!("the server refuses a setting of database `{database}`: {statement}"),
            all => format!("the server refuses {} settings of database `{database}`", all.len()),
        };
        let mut failure = Failure::new(code::METADATA, message)
            .cause(first.message.clone())
            .effect(Effect::Durable)
            .changed("everything that the server did not refuse is as it should be");
        for (statement, _) in &self.0 {
            failure = failure.hint(format!("as a superuser, in database postgres: {statement};"));
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privilege(grantee: &str, grantable: bool, grantor: &str) -> Privilege {
        let [grantee, grantor] = [grantee, grantor].map(str::to_owned);
        Privilege { grantee: Some(grantee), privilege: "CONNECT".to_owned(), grantable, grantor }
    }

    #[test]
    fn who_gives_comes_before_who_takes() {
        let [a, b, c] =
            [privilege("a", false, "b"), privilege("b", true, "c"), privilege("c", true, "owner")];
        assert_eq!(givers_first("owner", vec![&a, &b, &c]), [&c, &b, &a]);
        let circle = [privilege("a", true, "b"), privilege("b", true, "a")];
        assert_eq!(givers_first("owner", circle.iter().collect()).len(), 2);
    }

    #[test]
    fn what_is_too_much_is_reset_and_what_fits_is_left_alone() {
        let settings = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Settings>()
        };
        let mut statements = Vec::new();
        let old = settings(&[("a.b", "1"), ("work_mem", "1MB"), ("jit", "off")]);
        let new = settings(&[("search_path", "\"$user\", app"), ("work_mem", "2MB"), ("jit", "off")]);
        change("alter database d", &old, &new, &mut statements);
        let expected = [
            "alter database d reset \"a.b\"",
            "alter database d set \"search_path\" to '$user', 'app'",
            "alter database d set \"work_mem\" to '2MB'",
        ];
        assert_eq!(statements, expected);
    }
}
