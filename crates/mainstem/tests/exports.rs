//! The facade names everything that `mainstem-core` exports.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::Path};

fn source(path: &str) -> String {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(crates.join(path)).unwrap()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// What the `pub use` of a crate's root name, modules and globs apart.
fn exports(root: &str) -> BTreeSet<String> {
    root.split("pub use ")
        .skip(1)
        .flat_map(|it| words(it.split(';').next().unwrap()))
        .filter(|word| word.starts_with(char::is_uppercase))
        .map(str::to_owned)
        .collect()
}

/// The kinds' payloads, which `mainstem-core` exports by a glob.
fn payloads() -> BTreeSet<String> {
    ["model", "run", "step"]
        .iter()
        .map(|name| source(&format!("core/src/event/payload/{name}.rs")))
        .flat_map(|text| {
            let items = text.lines().filter_map(|line| {
                line.strip_prefix("pub struct ")
                    .or_else(|| line.strip_prefix("pub enum "))
            });
            items
                .filter_map(|item| words(item).next().map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn nothing_of_core_is_missing() {
    let facade = exports(&source("mainstem/src/lib.rs"));
    let mut core = exports(&source("core/src/lib.rs"));
    core.extend(payloads());
    core.extend(["Event", "EventKind", "UnknownKind"].map(str::to_owned));
    assert!(core.len() > 90, "{core:?}");
    let missing: Vec<_> = core.difference(&facade).collect();
    assert!(
        missing.is_empty(),
        "export {missing:?} from crates/mainstem/src/lib.rs"
    );
}
