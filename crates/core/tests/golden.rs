//! The JSON that is kept in logs and sent over wires, pinned byte for byte.
//!
//! `UPDATE_GOLDEN=1` writes the files anew.
#![allow(clippy::unwrap_used, clippy::panic)]

mod golden {
    pub(crate) mod events;
    pub(crate) mod file;
    mod lists;
    mod values;
}

use std::collections::BTreeSet;

use golden::{events, file};
use mainstem_core::EventKind;

#[test]
fn each_kind_has_one_golden_file_and_each_file_a_kind() {
    let names: BTreeSet<String> = EventKind::NAMES.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), EventKind::NAMES.len(), "a name stands twice");
    assert_eq!(file::names("events"), names);
    let table: BTreeSet<String> = events::all().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(table, names);
}

#[test]
fn each_kind_is_written_as_in_its_golden_file_and_read_back() {
    for (name, events) in events::all() {
        for event in &events {
            assert_eq!(event.kind.name(), name);
        }
        file::check(&format!("events/{name}.json"), &events);
    }
}
