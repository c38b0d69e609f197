//! The same log gives the same bytes: live, late, in pieces, and by another process.

use mainstem_core::{Event, Place, Result};
use mainstem_serve::wire::Format;
use proptest::prelude::*;

use super::{
    canonical,
    log::{play, retracted, text},
};

/// A response without what stands at the beginning and the end of each.
fn inner(format: Format, body: &[u8]) -> Vec<u8> {
    match format {
        Format::Sse | Format::Envelope => {
            body.strip_prefix(b"retry: 1000\n").unwrap_or(body).to_vec()
        }
        Format::Json => {
            let body = std::str::from_utf8(body).unwrap();
            let items = body.lines().filter(|line| !matches!(*line, "[" | "]"));
            items
                .map(|item| item.trim_end_matches(',').to_owned() + "\n")
                .collect::<String>()
                .into()
        }
        Format::Frames => without_broken(body),
        _ => body.to_vec(),
    }
}

/// What a reader sees that breaks off at places, and comes back for what follows.
async fn in_pieces(format: Format, log: &[Event], cuts: &[Place]) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut after = None;
    for cut in cuts.iter().map(Some).chain([None]) {
        let events = log
            .iter()
            .filter(|event| cut.is_none_or(|cut| event.place() <= *cut));
        // A reader that needs no past is given none.
        let events = events
            .filter(|event| format.needs_past() || after.is_none_or(|after| event.place() > after));
        let (body, _) = play(format, events.cloned().map(Ok).collect(), after).await;
        seen.extend(inner(format, &strip_broken(format, body, cut.is_some())));
        after = cut.copied();
    }
    seen
}

/// What was said of a response that broke off isn't what the log says.
fn strip_broken(format: Format, body: Vec<u8>, breaks: bool) -> Vec<u8> {
    let marker: &[u8] = match format {
        Format::Sse => b"event: broken\n",
        Format::Envelope => b"data: {\"event\":\"broken\"",
        Format::Ndjson => b"{\"type\":\"broken\"",
        Format::Chunks => b"data: {\"error\"",
        _ => return body,
    };
    let at = body
        .windows(marker.len())
        .position(|window| window == marker);
    match at.filter(|_| breaks) {
        Some(at) => body[..at]
            .strip_suffix(b"retry: 1000\n")
            .unwrap_or(&body[..at])
            .to_vec(),
        None => body,
    }
}

fn through_json(log: &[Event]) -> Vec<Event> {
    serde_json::from_str(&serde_json::to_string(log).unwrap()).unwrap()
}

async fn whole(format: Format, log: &[Event]) -> (Vec<u8>, bool) {
    let events: Vec<Result<Event>> = log.iter().cloned().map(Ok).collect();
    play(format, events, None).await
}

/// Frames say where they break off in a frame of its own: they are compared without it.
fn without_broken(body: &[u8]) -> Vec<u8> {
    let mut rest = body;
    let mut kept = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        if frame[0] != 3 {
            kept.extend_from_slice(length);
            kept.extend_from_slice(frame);
        }
        rest = after;
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn what_is_read_in_pieces_is_what_is_read_at_once(cuts in prop::collection::btree_set(0usize..33, 0..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let log = canonical::log();
        let places: Vec<_> = cuts.iter().map(|at| log[*at].place()).collect();
        for format in Format::ALL {
            // Where the run is suspended it has an end: a reader that comes back later sees no break.
            let is_end = |place: &Place| log.iter().any(|event| event.place() == *place && event.is_end());
            if places.iter().any(is_end) {
                continue;
            }
            let (at_once, _) = runtime.block_on(whole(*format, &log));
            let pieces = runtime.block_on(in_pieces(*format, &log, &places));
            let at_once = inner(*format, &at_once);
            prop_assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&at_once), "{}", format);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_writes_the_same() {
    let log = canonical::log();
    for format in Format::ALL {
        assert_eq!(
            whole(*format, &log).await,
            whole(*format, &through_json(&log)).await
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_back_is_cut_if_what_it_has_is_void_and_not_otherwise() {
    let log = [
        text(2, "Ja"),
        text(3, "xx"),
        retracted(4, 3),
        text(5, "ys"),
        super::log::finished(6),
    ];
    for (after, body, is_whole) in [
        (1, "Jaxx", false),
        (3, "", false),
        (4, "ys", true),
        (5, "", true),
    ] {
        let after = Place::new(mainstem_core::Epoch::FIRST, mainstem_core::Seq(after));
        let events = log.iter().cloned().map(Ok).collect();
        let seen = play(Format::Text, events, Some(after)).await;
        assert_eq!(seen, (body.as_bytes().to_vec(), is_whole), "{after}");
    }
}
