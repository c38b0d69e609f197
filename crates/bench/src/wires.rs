//! What a wire costs for each piece of text.

use std::{
    fmt::Write as _,
    hint::black_box,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::BytesMut;
use futures::{FutureExt, stream};
use http_body_util::BodyExt;
use mainstem::{Event, Json, Place, RunFinished, StepPath, TextDelta, Timestamp, Usage};
use mainstem_serve::{ResponseOptions, respond, wire::Format};
use serde_json::json;

use crate::{cli::Cli, report::Section, stats};

/// How much more a response of server-sent events may cost than lines that are put together by hand.
const AIM: f64 = 1.5;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let rounds = cli.pick(9, 1);
    let log = log(cli.pick(100_000, 100))?;
    let about = format!(
        "ns for each piece of 4 bytes, median of {rounds}: its fold, and a response of it until it is handed to the connection"
    );
    let mut section = Section::new("wires", about, !cli.quick);
    section.row(["", "fold", "response", "bytes"]);
    let by_hand = of_each(&log, rounds, by_hand)?;
    section.row([
        "by hand".to_owned(),
        String::new(),
        format!("{by_hand:.0}"),
        String::new(),
    ]);
    for format in Format::ALL {
        let mut bytes = 0;
        let folded = of_each(&log, rounds, |log| Ok(fold(*format, log)))?;
        let response = of_each(&log, rounds, |log| {
            bytes = whole(*format, log)?;
            Ok(bytes)
        })?;
        let bytes_each = bytes as f64 / log.len() as f64;
        section.row([
            format.to_string(),
            format!("{folded:.0}"),
            format!("{response:.0}"),
            format!("{bytes_each:.0}"),
        ]);
        section.data(json!({
            "format": format.name(),
            "fold_ns": folded,
            "response_ns": response,
            "bytes": bytes_each,
        }));
        if *format == Format::Sse {
            section.aim(
                "server-sent events, a response/by hand",
                "times",
                response / by_hand,
                AIM,
            );
        }
    }
    Ok(section)
}

/// A run that says so many pieces of text.
fn log(pieces: u64) -> Result<Vec<Event>> {
    let path = StepPath::run().child("guide").child("turn").index(0);
    let at = Timestamp::from_unix_millis(1_763_692_800_123);
    let place = |seq: u64| format!("1-{seq}").parse::<Place>();
    let mut log = Vec::new();
    for seq in 1..pieces {
        let delta = TextDelta::new("jays");
        log.push(Event::new(place(seq)?, at, path.clone(), delta.into()));
    }
    let end = RunFinished::new(Json::null(), Usage::default());
    log.push(Event::new(place(pieces)?, at, StepPath::run(), end.into()));
    Ok(log)
}

/// Nanoseconds for each event.
fn of_each(
    log: &[Event],
    rounds: usize,
    mut work: impl FnMut(&[Event]) -> Result<usize>,
) -> Result<f64> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begun = Instant::now();
        ensure!(black_box(work(black_box(log))?) > 0, "nothing was written");
        let took = begun.elapsed().as_nanos();
        times.push(u64::try_from(took).context("a round that never ends")?);
    }
    Ok(stats::median(times) as f64 / log.len() as f64)
}

/// What a handler without wires would do: a `String` for each event.
fn by_hand(log: &[Event]) -> Result<usize> {
    let mut bytes = 0;
    for event in log {
        let mut message = format!("event: {}\nid: {}\n", event.kind.name(), event.place());
        write!(message, "data: {}\n\n", serde_json::to_string(event)?)?;
        bytes += black_box(bytes::Bytes::from(message)).len();
    }
    Ok(bytes)
}

/// Some formats say nothing before their end; what counts is that it was folded.
fn fold(format: Format, log: &[Event]) -> usize {
    let mut wire = format.wire();
    let mut out = BytesMut::with_capacity(8 * 1024);
    wire.begin(&mut out);
    let mut folded = 0;
    for event in log {
        folded += usize::from(wire.fold(event, &mut out).is_ok());
        // As if each was sent.
        black_box(&out);
        out.clear();
    }
    folded
}

fn whole(format: Format, log: &[Event]) -> Result<usize> {
    let log: Arc<[Event]> = log.into();
    let events = stream::iter((0..log.len()).map(move |at| Ok(log[at].clone())));
    // Nothing waits here, so that no timers are needed.
    let options = ResponseOptions::new()
        .flush(1, Duration::ZERO)
        .heartbeat(None);
    let mut body = pin!(respond(format, events, options).into_body());
    let mut bytes = 1;
    loop {
        // All is there: nothing waits but for its turn.
        let Some(frame) = body.frame().now_or_never() else {
            continue;
        };
        let Some(frame) = frame.transpose()? else {
            return Ok(bytes);
        };
        bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
}
