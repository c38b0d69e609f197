//! The docs that the demo model recites, held to the code.

use mainstem_core::{ErrorKind, Event, EventKind};

const EVENTS: &str = include_str!("../docs/events.md");
const ERRORS: &str = include_str!("../docs/errors.md");

/// The rows of the table of kinds: name and data.
fn rows() -> Vec<(String, String)> {
    let rows = EVENTS.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split(" | ").collect();
        let [name, _, data] = cells[..] else {
            return None;
        };
        let data = data.trim_end_matches(" |").trim_matches('`');
        data.starts_with('{').then_some(())?;
        Some((name.trim_end_matches('`').to_owned(), data.to_owned()))
    });
    rows.collect()
}

#[test]
fn the_table_of_events_has_every_kind_and_its_json_as_it_is() {
    let names: Vec<_> = rows().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, EventKind::NAMES);
    for (name, data) in rows() {
        let json = format!(
            r#"{{"seq":1,"epoch":1,"at":0,"path":"writer","type":"{name}","data":{data}}}"#
        );
        let event: Event = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
    }
}

#[test]
fn the_table_of_errors_has_kinds_that_there_are() {
    let names = ERRORS
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let names: Vec<_> = names
        .map(|(name, _)| name)
        .filter(|name| !name.contains('('))
        .collect();
    assert_eq!(names.len(), 19);
    for name in names {
        let mut wire = String::new();
        for char in name.chars() {
            if char.is_uppercase() && !wire.is_empty() {
                wire.push('_');
            }
            wire.extend(char.to_lowercase());
        }
        let kind: ErrorKind = serde_json::from_value(wire.into()).unwrap();
        assert_eq!(format!("{kind:?}"), name);
    }
}
