//! The tables of docs/wires.md: which formats there are, and what each makes of each kind of event.
//!
//! `UPDATE_GOLDEN=1` writes them anew.

use std::{fmt::Write, fs, path::PathBuf};

use bytes::BytesMut;
use mainstem_core::{Event, EventKind};
use mainstem_serve::wire::Format;

use super::{
    canonical,
    log::{cancelled, failed},
};

/// A part of the page, between its marks, must be what a test makes.
fn check(part: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/wires.md");
    let page = fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- {part}: written by a test -->\n");
    let (before, rest) = page.split_once(&begin).unwrap();
    let (kept, after) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{before}{begin}{made}<!-- end -->{after}")).unwrap();
        return;
    }
    assert!(
        kept == made,
        "docs/wires.md, {part}; UPDATE_GOLDEN=1 writes it:\n{made}"
    );
}

#[test]
fn the_page_has_every_format() {
    let mut table =
        "| format | content type | its reader | begins in the middle |\n|---|---|---|---|\n"
            .to_owned();
    for format in Format::ALL {
        let reader = match format.is_append_only() {
            true => "can't take anything back",
            false => "follows retractions",
        };
        let middle = match format.needs_past() {
            true => "after folding what came before",
            false => "anywhere",
        };
        let content_type = format.content_type();
        writeln!(
            table,
            "| `{format}` | `{content_type}` | {reader} | {middle} |"
        )
        .unwrap();
    }
    check("formats", &table);
}

/// What a wire adds to a response for the last of these events.
fn added(format: Format, log: &[Event]) -> BytesMut {
    let mut wire = format.wire();
    let mut out = BytesMut::new();
    wire.begin(&mut out);
    for event in log {
        out.clear();
        wire.fold(event, &mut out).unwrap();
    }
    out
}

#[test]
fn the_page_has_every_kind() {
    let mut log = canonical::log();
    log.extend([failed(99), cancelled(99)]);
    let columns = Format::ALL.iter().map(|format| format!(" `{format}` |"));
    let columns: String = columns.collect();
    let line = "---|".repeat(Format::ALL.len() + 1);
    let mut table = format!("| kind |{columns}\n|{line}\n");
    for name in EventKind::NAMES {
        // The last one: the piece of a document that completes it.
        let is_shown = |event: &Event| event.kind.name() == *name && !is_aside(event);
        let at = log.iter().rposition(is_shown).unwrap();
        write!(table, "| `{name}` |").unwrap();
        for format in Format::ALL {
            let added = added(*format, &log[..=at]);
            write!(table, " {} |", looks(*format, &added)).unwrap();
        }
        table.push('\n');
    }
    check("kinds", &table);
}

/// What tools say inside is told in words.
fn is_aside(event: &Event) -> bool {
    event.path.as_str().contains("/helper")
}

/// What was added, in a few words.
fn looks(format: Format, added: &[u8]) -> String {
    if added.is_empty() {
        return "–".to_owned();
    }
    let text = String::from_utf8_lossy(added);
    let name_after = |before: &str| {
        let (_, rest) = text.split_once(before).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    match format {
        Format::Text => "its text".to_owned(),
        Format::Json => "an item".to_owned(),
        Format::Binary => "its bytes".to_owned(),
        Format::Frames => "a frame".to_owned(),
        Format::Ndjson => "a line".to_owned(),
        Format::Sse => "an event".to_owned(),
        Format::Chunks => format!("`{}`", name_after("{\"")),
        Format::Envelope => {
            let name = name_after("\"event\":\"");
            let fields = ["delta", "data", "progress", "error"];
            let fields: Vec<_> = fields
                .into_iter()
                .filter(|field| text.contains(&format!(",\"{field}\":")))
                .collect();
            match fields.is_empty() {
                true => format!("`{name}`"),
                false => format!("`{name}`: {}", fields.join(", ")),
            }
        }
        _ => panic!("a format without words"),
    }
}
