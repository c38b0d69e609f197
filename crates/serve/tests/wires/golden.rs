//! What each wire makes of the same logs, pinned byte for byte; `UPDATE_GOLDEN=1` writes the files anew.

use std::{collections::BTreeSet, fmt::Write, fs, path::PathBuf};

use mainstem_core::{Epoch, Event, EventKind, Place, Result, Seq};
use mainstem_serve::wire::{
    Ended, Format,
    ws::{ChunkMessage, CloseCode, Message, ServerMessage, TextChunks},
};

use super::{
    canonical,
    log::{cancelled, error, failed, finished, play, retracted, started, suspended, text},
};

/// A log with its name; a reader that begins in the middle has all up to a place.
type Log = (&'static str, Vec<Result<Event>>, Option<Place>);

fn logs() -> Vec<Log> {
    let begin = || vec![Ok(started()), Ok(text(2, "Ja")), Ok(text(3, "ys."))];
    let and = |last| begin().into_iter().chain([last]).collect();
    let middle = Place::new(Epoch(1), Seq(17));
    let all = || canonical::log().into_iter().map(Ok).collect();
    vec![
        ("every kind", all(), None),
        ("the same, in the middle", all(), Some(middle)),
        ("finished", and(Ok(finished(4))), None),
        ("failed", and(Ok(failed(4))), None),
        ("cancelled", and(Ok(cancelled(4))), None),
        ("suspended", and(Ok(suspended(4))), None),
        (
            "retracted",
            [
                and(Ok(retracted(4, 3))),
                vec![Ok(text(5, "y.")), Ok(finished(6))],
            ]
            .concat(),
            None,
        ),
        ("broken", and(Err(error())), None),
        ("without an end", begin(), None),
    ]
}

fn check(name: &str, written: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, written).unwrap();
    }
    let golden = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    assert!(written == golden, "{name} has changed:\n{written}");
}

/// What isn't text is shown as numbers.
fn shown(format: Format, body: &[u8]) -> String {
    match format {
        Format::Binary | Format::Frames => hex(body),
        _ => String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let rows = bytes.chunks(32).map(|row| {
        let row: Vec<_> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        row.join(" ") + "\n"
    });
    rows.collect()
}

#[test]
fn the_log_has_every_kind() {
    let ends = [failed(1), cancelled(1)];
    let all = canonical::log();
    let kinds: BTreeSet<_> = all
        .iter()
        .chain(&ends)
        .map(|event| event.kind.name())
        .collect();
    for name in EventKind::NAMES {
        assert!(kinds.contains(name), "{name}");
    }
    assert!(
        all.iter()
            .any(|event| matches!(event.kind, EventKind::Unknown(_)))
    );
}

#[tokio::test(start_paused = true)]
async fn each_wire_writes_what_its_golden_file_has() {
    for format in Format::ALL {
        let mut written = String::new();
        for (name, log, after) in logs() {
            let (body, is_whole) = play(*format, log, after).await;
            let body = shown(*format, &body);
            let line_end = if body.is_empty() || body.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            let end = if is_whole { "whole" } else { "cut" };
            writeln!(written, "==== {name}\n{body}{line_end}---- {end}").unwrap();
        }
        check(&format!("{format}.txt"), &written);
    }
}

/// What a socket sends of a log, and with which code it is closed.
fn over_socket(log: &[Result<Event>]) -> String {
    let mut written = String::new();
    let mut end = None;
    let mut say = |message: Message| match message {
        Message::Text(text) => writeln!(written, "{}", std::str::from_utf8(&text).unwrap()),
        Message::Binary(data) => writeln!(written, "binary {}", hex(&data).trim_end()),
    };
    for event in log {
        match event {
            Ok(event) => {
                end = Ended::of(event);
                say(Message::of(event).unwrap()).unwrap();
            }
            Err(error) => {
                end = None;
                say(ServerMessage::error(error).to_message()).unwrap();
            }
        }
    }
    let code = match end {
        Some(end) => {
            say(ServerMessage::end(&end).to_message()).unwrap();
            CloseCode::from(end.outcome)
        }
        None => CloseCode::BROKEN,
    };
    writeln!(written, "---- close {}", code.0).unwrap();
    written
}

/// The same for a client that reads pieces of text.
fn over_chunk_socket(log: &[Result<Event>]) -> String {
    let mut written = String::new();
    let mut chunks = TextChunks::new();
    let mut end = None;
    let mut say = |message: ChunkMessage| match message {
        ChunkMessage::Piece(text) => {
            writeln!(written, "{text}").unwrap();
            true
        }
        ChunkMessage::Close(code) => {
            writeln!(written, "---- close {}", code.0).unwrap();
            false
        }
    };
    for event in log.iter().filter_map(|event| event.as_ref().ok()) {
        end = Ended::of(event);
        if chunks.fold(event).is_some_and(|message| !say(message)) {
            return written;
        }
    }
    let last = end.map_or(ChunkMessage::Close(CloseCode::BROKEN), |end| {
        chunks.close(&end)
    });
    say(last);
    written
}

#[test]
fn a_socket_says_what_its_golden_file_has() {
    let (mut messages, mut chunks) = (String::new(), String::new());
    for (name, log, after) in logs() {
        if after.is_none() {
            write!(messages, "==== {name}\n{}", over_socket(&log)).unwrap();
            write!(chunks, "==== {name}\n{}", over_chunk_socket(&log)).unwrap();
        }
    }
    check("websocket.txt", &messages);
    check("websocket-chunks.txt", &chunks);
}
