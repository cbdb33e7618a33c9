//! `[environments.NAME.code]`: the checkout, and what a release needs before it can run.

use std::path::PathBuf;

use super::text::{Text, literal};
use super::tree::Tree;

/// The top of the git checkout that the folder is in.
pub(super) fn repository(tree: &Tree) -> Option<PathBuf> {
    tree.root.ancestors().find(|folder| folder.join(".git").exists()).map(PathBuf::from)
}

pub(super) fn write(text: &mut Text, tree: &Tree) {
    let top = repository(tree);
    text.part("environments.production.code", top.is_some());
    match &top {
        Some(top) if *top == tree.root => {
            text.because("This folder is a git checkout: a run switches it to the release, and back");
            own_file(text);
            text.key("repository", ".");
        }
        Some(top) => {
            text.because(
                "This folder is inside a git checkout: a run switches all of it to the release, and back",
            );
            own_file(text);
            text.key("repository", literal(&up(top, tree)));
        }
        None => {
            text.because("This folder is no git checkout, so the code is not switched");
            text.off("repository = \".\"");
        }
    }
    prepare(text, tree, top.is_some());
}

/// A release that takes the configuration along would leave the run without one.
fn own_file(text: &mut Text) {
    text.say("Better not in git: a release that has not this very file is refused, for the switch would take it along");
}

/// `..` for each folder between.
fn up(top: &std::path::Path, tree: &Tree) -> String {
    let between = tree.root.strip_prefix(top).map_or(0, |inside| inside.components().count());
    vec![".."; between].join("/")
}

fn prepare(text: &mut Text, tree: &Tree, on: bool) {
    const HOW: &[(&str, &[&str])] = &[
        ("uv.lock", &["uv", "sync", "--frozen"]),
        ("poetry.lock", &["poetry", "install", "--sync"]),
        ("Pipfile.lock", &["pipenv", "sync"]),
        ("requirements.txt", &["pip", "install", "-r", "requirements.txt"]),
    ];
    let Some((file, words)) = HOW.iter().find(|(file, _)| tree.has(file)) else {
        text.off("prepare = [\"pip\", \"install\", \"-r\", \"requirements.txt\"]");
        return;
    };
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let venv = tree.in_venv(&words[0]);
    // Which of a machine's Pythons a bare pip would fill is not known.
    let known = venv.is_some() || words[0] != "pip";
    if let Some(program) = venv {
        words[0] = program;
    }
    text.say(&format!("What a release needs before it can run, by {file}; done before anything stops"));
    text.key_if(on && known, "prepare", words);
}
