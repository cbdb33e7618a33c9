//! The text of a configuration, as it grows.

use switchback_model::config::FILE_NAME;

use super::Proposal;

/// Keys with their reasons. Prose is `# …`, a key that is switched off is `#key = …`.
#[derive(Debug, Default)]
pub(super) struct Text {
    toml: String,
    why: Vec<String>,
}

impl Text {
    /// A section that is there.
    pub(super) fn section(&mut self, name: &str) {
        self.part(name, true);
    }

    /// A section, or the example of one.
    pub(super) fn part(&mut self, name: &str, on: bool) {
        self.blank();
        let mark = if on { "" } else { "#" };
        self.line(&format!("{mark}[{name}]"));
    }

    /// Prose.
    pub(super) fn say(&mut self, sentence: &str) {
        self.line(&format!("# {}", one_line(sentence)));
    }

    /// Prose that the person at the terminal hears too.
    pub(super) fn because(&mut self, sentence: &str) {
        self.say(sentence);
        self.tell(sentence);
    }

    /// A sentence for the person at the terminal alone.
    pub(super) fn tell(&mut self, sentence: &str) {
        self.why.push(one_line(sentence));
    }

    /// A key with its value: a text or a list of texts.
    pub(super) fn key(&mut self, name: &str, value: impl Into<toml::Value>) {
        let value = value.into();
        self.line(&format!("{name} = {value}"));
    }

    /// A key with an inline table of texts.
    pub(super) fn table(&mut self, name: &str, entries: &[(&str, &str)]) {
        let entry = |(key, value): &(&str, &str)| format!("{key} = {}", toml::Value::from(*value));
        let entries: Vec<String> = entries.iter().map(entry).collect();
        self.line(&format!("{name} = {{ {} }}", entries.join(", ")));
    }

    /// A key, or the example of one.
    pub(super) fn key_if(&mut self, on: bool, name: &str, value: impl Into<toml::Value>) {
        if on {
            self.key(name, value);
        } else {
            self.off(&format!("{name} = {}", value.into()));
        }
    }

    /// A line that is switched off.
    pub(super) fn off(&mut self, line: &str) {
        self.line(&format!("#{}", one_line(line)));
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.line("");
    }

    fn line(&mut self, line: &str) {
        self.toml.push_str(line);
        self.toml.push('\n');
    }
}

impl From<Text> for Proposal {
    fn from(mut text: Text) -> Self {
        text.tell(&format!(
            "whatever is commented out in {FILE_NAME} could not be told from the files, or is an example"
        ));
        Self { toml: text.toml, why: text.why }
    }
}

/// A name from a file system may hold anything; a comment must stay one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A text that goes into a value as it is: `${` would be taken for a variable.
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "$${")
}
