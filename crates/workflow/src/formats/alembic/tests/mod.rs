//! The reader against what stands in real projects.

mod graphs;
mod layouts;
mod texts;

use std::fs;
use std::path::Path;

/// Writes a file and the folders above it.
fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
