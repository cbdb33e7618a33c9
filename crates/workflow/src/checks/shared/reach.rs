//! What migrations may have touched: the names in their text, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use switchback_postgres::catalog::Catalog;
use switchback_sql::tokens;

use super::names::Relation;

/// Words with which a script finds tables without naming them.
const SEARCHING: &[&str] = &[
    "information_schema",
    "pg_class",
    "pg_tables",
    "pg_stat_user_tables",
    "get_table_names",
    "sorted_tables",
    "reflect",
    "automap_base",
];

/// Every word of some scripts, in lower case, in its order.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    ordered: Vec<String>,
    set: BTreeSet<String>,
}

impl Mentions {
    /// The words of files and their texts. Text in literals counts: that is where a script of another
    /// language has its SQL, and a function its body. In SQL files comments don't.
    pub(crate) fn of(scripts: &[(String, String)]) -> Self {
        let mut mentions = Self::default();
        for (file, text) in scripts {
            let is_sql = file.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("sql"));
            if is_sql { mentions.add_sql(text) } else { mentions.add(text, true) }
        }
        mentions
    }

    fn add_sql(&mut self, text: &str) {
        for token in tokens(text).filter(|token| !token.is_comment()) {
            self.add(token.of(text), false);
        }
    }

    /// In code, `OrderItem` is a class, and by the custom of every mapper its table is `order_items`.
    fn add(&mut self, text: &str, code: bool) {
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()) {
            let lower = word.to_lowercase();
            if code && word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase) {
                self.set.extend(tables_of_class(word));
            }
            self.set.insert(lower.clone());
            self.ordered.push(lower);
        }
    }

    /// Whether the word stands there, in whatever case.
    pub(crate) fn has(&self, word: &str) -> bool {
        let mut words =
            word.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        words.all(|word| self.set.contains(&word.to_lowercase()))
    }

    /// Whether the scripts look tables up instead of naming them.
    pub(crate) fn search(&self) -> Option<&'static str> {
        SEARCHING.iter().copied().find(|word| self.set.contains(*word))
    }

    /// Whether something is written through the view: its name stands behind `update`, `into` or
    /// `delete from`, with or without its schema.
    fn writes_to(&self, view: &Relation) -> bool {
        let (schema, name) = (view.schema.to_lowercase(), view.name.to_lowercase());
        let places = self.ordered.iter().enumerate().filter(|(_, word)| **word == name).map(|(at, _)| at);
        let before = |at: usize| at.checked_sub(1).and_then(|at| self.ordered.get(at)).map(String::as_str);
        let writes = |at: usize| match before(at) {
            Some("update" | "into" | "only") => true,
            Some("from") => before(at - 1) == Some("delete"),
            _ => false,
        };
        places.into_iter().any(|at| writes(at) || (before(at) == Some(&schema) && writes(at - 1)))
    }

    /// Whether a truncation may go on to every table that refers to the truncated one.
    fn truncates(&self) -> bool {
        self.set.contains("truncate") && self.set.contains("cascade")
    }
}

/// `OrderItem`: `order_item`, `order_items`, `orderitem`, `orderitems`; `Category`: also `categories`.
fn tables_of_class(class: &str) -> Vec<String> {
    let mut snake = String::new();
    for c in class.chars() {
        if c.is_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    let mut names = Vec::new();
    for name in [snake, class.to_lowercase()] {
        names.extend([format!("{name}s"), format!("{name}es")]);
        names.extend(name.strip_suffix('y').map(|stem| format!("{stem}ies")));
        names.push(name);
    }
    names
}

/// The relations and sequences, as the catalog names them, that the scripts may have changed: those
/// they name, and those that triggers, functions, rules, foreign keys with an action, inheritance and
/// defaults lead to from there. Names are enough to be among them: rather too many than too few.
pub(crate) fn reached(mentions: Mentions, catalogs: &[&Catalog]) -> BTreeSet<String> {
    let mut reach = Reach { mentions, found: BTreeSet::new(), edges: BTreeMap::new(), truncated: false };
    reach.truncated = reach.mentions.truncates();
    let objects: Vec<_> = catalogs.iter().flat_map(|catalog| &catalog.objects).collect();
    for (key, definition) in &objects {
        reach.edges_of(key, definition);
    }
    while reach.round(&objects) {}
    reach.found
}

struct Reach {
    mentions: Mentions,
    found: BTreeSet<String>,
    /// From a relation to those that a change of it changes.
    edges: BTreeMap<String, Vec<Edge>>,
    truncated: bool,
}

enum Edge {
    Relation(String),
    /// Code that runs: what it names may be changed.
    Words(String),
}

impl Reach {
    fn edge(&mut self, from: &str, to: Edge) {
        self.edges.entry(from.to_owned()).or_default().push(to);
    }

    fn edges_of(&mut self, key: &str, definition: &str) {
        let Some((kind, name)) = key.split_once(' ') else { return };
        match kind {
            "constraint" => self.foreign_key(name, definition),
            "trigger" | "rule" => {
                if let Some((_, table)) = name.rsplit_once(" on ") {
                    self.edge(table, Edge::Words(definition.to_owned()));
                }
            }
            "table" => self.inheritance(name, definition),
            "column" => {
                if let Some(default) = definition.lines().find(|line| line.contains("nextval("))
                    && let Some((table, _)) = name.rsplit_once('.')
                {
                    self.edge(table, Edge::Words(default.to_owned()));
                }
            }
            "sequence" => {
                let owner = definition.lines().find_map(|line| line.strip_prefix("owned by "));
                let owner = owner.map(|owner| owner.trim_end_matches(" as identity"));
                if let Some((table, _)) = owner.and_then(|owner| owner.rsplit_once('.')) {
                    self.edge(table, Edge::Relation(name.to_owned()));
                }
            }
            _ => {}
        }
    }

    fn foreign_key(&mut self, name: &str, definition: &str) {
        let acts = ["CASCADE", "SET NULL", "SET DEFAULT"].iter().any(|action| {
            definition.contains(&format!("ON DELETE {action}"))
                || definition.contains(&format!("ON UPDATE {action}"))
        });
        let parent = definition.strip_prefix("FOREIGN KEY").and_then(|rest| rest.split_once(" REFERENCES "));
        let parent = parent.and_then(|(_, rest)| rest.split_once('(')).map(|(parent, _)| parent);
        if let (true, Some(parent), Some((_, child))) =
            (acts || self.truncated, parent, name.rsplit_once(" on "))
        {
            self.edge(parent, Edge::Relation(child.to_owned()));
        }
    }

    /// Rows of a partition are rows of its parent, and a change of the parent is one of all its parts.
    fn inheritance(&mut self, name: &str, definition: &str) {
        for line in definition.lines() {
            let parents = line.strip_prefix("partition of ").or_else(|| line.strip_prefix("inherits "));
            for parent in parents.into_iter().flat_map(|parents| parents.split(", ")) {
                let parent = parent.trim_end_matches(" (detach pending)").trim_start_matches("inherits ");
                self.edge(parent, Edge::Relation(name.to_owned()));
                self.edge(name, Edge::Relation(parent.to_owned()));
            }
        }
    }

    /// Adds what the names lead to; whether that was something new.
    fn round(&mut self, objects: &[(&String, &String)]) -> bool {
        let before = self.found.len();
        for (key, definition) in objects {
            self.object(key, definition);
        }
        self.found.len() > before
    }

    fn object(&mut self, key: &str, definition: &str) {
        if self.found.contains(key) {
            return;
        }
        // Kinds of two words are taken by their last one: `foreign table`, `materialized view`.
        let (kind, name) = match key.split_once(' ') {
            Some(("foreign" | "materialized" | "event", rest)) => rest.split_once(' ').unwrap_or_default(),
            Some(split) => split,
            None => return,
        };
        match kind {
            "table" | "sequence" if self.says(name) => self.relation(name),
            "view" if self.says(name) => {
                self.found.insert(key.to_owned());
                if Relation::of(name).is_some_and(|view| self.mentions.writes_to(&view)) {
                    self.mentions.add(definition, false);
                }
                self.relation(name);
            }
            "function" | "procedure" if self.says(name.split('(').next().unwrap_or(name)) => {
                self.found.insert(key.to_owned());
                self.mentions.add(definition, false);
            }
            // An event trigger runs for statements of every kind that changes definitions.
            "trigger" if key.starts_with("event ") => {
                self.found.insert(key.to_owned());
                self.mentions.add(definition, false);
            }
            _ => {}
        }
    }

    fn says(&self, name: &str) -> bool {
        Relation::of(name).is_some_and(|relation| self.mentions.has(&relation.name))
    }

    /// A relation, and all that its edges lead to.
    fn relation(&mut self, name: &str) {
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.pop() {
            if !self.found.insert(name.clone()) {
                continue;
            }
            for edge in self.edges.remove(&name).into_iter().flatten() {
                match edge {
                    Edge::Relation(next) => open.push(next),
                    Edge::Words(text) => {
                        // New words are looked at in the next round.
                        self.found.insert(format!("code {text}"));
                        self.mentions.add(&text, false);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str) -> Mentions {
        Mentions::of(&[("a.py".to_owned(), text.to_owned())])
    }

    fn catalog(entries: &[(&str, &str)]) -> Catalog {
        Catalog { objects: entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect() }
    }

    fn reach(script: &str, entries: &[(&str, &str)]) -> Vec<String> {
        let found = reached(mentions(script), &[&catalog(entries)]);
        found.into_iter().filter(|name| !name.contains(' ')).collect()
    }

    #[test]
    fn words_of_sql_are_without_comments() {
        let sql =
            Mentions::of(&[("a.SQL".to_owned(), "-- users\nupdate \"Orders\" set a = 'items'".to_owned())]);
        assert!(sql.has("orders") && sql.has("items") && !sql.has("users"));
        assert!(mentions("op.execute('UPDATE users')  # orders").has("orders"));
        assert!(mentions("session.query(OrderItem)").has("order_items"));
        assert!(mentions("Category.query").has("categories") && !mentions("category").has("categories"));
    }

    #[test]
    fn foreign_keys_with_an_action_lead_on() {
        let entries = [
            ("table public.users", ""),
            ("table public.orders", ""),
            ("table public.notes", ""),
            (
                "constraint a on public.orders",
                "FOREIGN KEY (u) REFERENCES public.users(id) ON DELETE CASCADE",
            ),
            ("constraint b on public.notes", "FOREIGN KEY (u) REFERENCES public.users(id)"),
        ];
        assert_eq!(reach("DELETE FROM users", &entries), ["public.orders", "public.users"]);
        assert_eq!(reach("TRUNCATE users CASCADE", &entries).len(), 3);
        assert_eq!(reach("DELETE FROM orders", &entries), ["public.orders"]);
    }

    #[test]
    fn triggers_and_functions_lead_on() {
        let entries = [
            ("table public.users", ""),
            ("table public.log", ""),
            ("column public.log.id", "integer\ndefault nextval('public.ids'::regclass)"),
            ("sequence public.ids", "bigint"),
            ("trigger t on public.users", "CREATE TRIGGER t … EXECUTE FUNCTION public.note()"),
            ("function public.note()", "begin insert into log values (1); end"),
        ];
        assert_eq!(reach("update users", &entries), ["public.ids", "public.log", "public.users"]);
        assert_eq!(reach("select note()", &entries), ["public.ids", "public.log"]);
        assert_eq!(reach("select 1", &entries), Vec::<String>::new());
    }

    #[test]
    fn a_view_leads_on_where_it_is_written() {
        let entries = [("table public.users", ""), ("view public.people", "SELECT id FROM public.users")];
        assert_eq!(reach("create view people", &entries), ["public.people"]);
        assert_eq!(reach("UPDATE public.people SET", &entries).len(), 2);
    }

    #[test]
    fn parts_and_wholes_are_one() {
        let entries = [
            ("table public.parts", "partition by RANGE (a)"),
            ("table public.parts_1", "partition of public.parts"),
        ];
        assert_eq!(reach("insert into parts_1", &entries).len(), 2);
        assert_eq!(reach("insert into parts", &entries).len(), 2);
    }
}
