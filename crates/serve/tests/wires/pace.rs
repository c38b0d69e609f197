//! When something is sent: as little at once as there is, as much as was asked for, and signs of life.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, response::IntoResponse};
use futures::{FutureExt, StreamExt, channel::mpsc, stream};
use http_body_util::BodyExt;
use mainstem_core::{Bytes, Event, Result, Run, TextDelta};
use mainstem_serve::{IntoWire, ResponseOptions, respond, respond_sniffed, wire::Format};

use super::log::{finished, started, text};

type Sender = mpsc::UnboundedSender<Result<Event>>;

fn body(format: Format, options: ResponseOptions) -> (Sender, Body) {
    let (sender, events) = mpsc::unbounded();
    (sender, respond(format, events, options).into_body())
}

/// The next frame, which must be there when it is asked for, or come by a timer.
async fn frame(body: &mut Body) -> String {
    let frame = body.frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_event_is_there_before_the_next_is_known() {
    let (sender, mut body) = body(Format::Text, ResponseOptions::new());
    for piece in ["Ja", "ys", " sing."] {
        sender.unbounded_send(Ok(text(2, piece))).unwrap();
        assert_eq!(frame(&mut body).now_or_never().unwrap(), piece);
        assert!(body.frame().now_or_never().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_joins_what_comes_within_it_and_a_size_ends_it() {
    let options = ResponseOptions::new().flush(8, Duration::from_millis(100));
    let (sender, mut body) = body(Format::Text, options);
    let begun = tokio::time::Instant::now();
    let send = |piece: &str| sender.unbounded_send(Ok(text(2, piece))).unwrap();
    send("Ja");
    assert!(body.frame().now_or_never().is_none());
    tokio::time::advance(Duration::from_millis(60)).await;
    send("ys");
    assert_eq!(frame(&mut body).await, "Jays");
    assert_eq!(begun.elapsed().as_millis(), 100);
    send("eight 8s");
    assert_eq!(frame(&mut body).now_or_never().unwrap(), "eight 8s");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_kept_open_by_what_readers_ignore() {
    let options = ResponseOptions::new().heartbeat(Duration::from_secs(5));
    let (sender, mut body) = body(Format::Sse, options);
    let begun = tokio::time::Instant::now();
    assert_eq!(frame(&mut body).await, ": ping\n\n");
    assert_eq!(begun.elapsed().as_secs(), 5);
    tokio::time::advance(Duration::from_secs(3)).await;
    sender.unbounded_send(Ok(started())).unwrap();
    assert!(
        frame(&mut body)
            .await
            .starts_with("retry: 1000\nevent: run_started\n")
    );
    assert_eq!(frame(&mut body).await, ": ping\n\n");
    assert_eq!(begun.elapsed().as_secs(), 13);
}

#[tokio::test(start_paused = true)]
async fn no_heartbeat_is_no_heartbeat() {
    for (format, options) in [
        (Format::Sse, ResponseOptions::new().heartbeat(None)),
        (Format::Text, ResponseOptions::new()),
    ] {
        let (_sender, mut body) = body(format, options);
        let silence = tokio::time::timeout(Duration::from_secs(3600), body.frame());
        assert!(silence.await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_a_client_is_asked_for_stands_in_the_first_event() {
    let events = super::log::read(vec![started(), finished(2)]);
    let options = ResponseOptions::new().retry(Duration::from_millis(250));
    let body = respond(Format::Sse, events, options).into_body();
    let all = body.collect().await.unwrap().to_bytes();
    let all = std::str::from_utf8(&all).unwrap();
    assert!(all.starts_with("retry: 250\nevent: run_started\n"));
    assert_eq!(all.matches("retry:").count(), 1);
}

/// A run that counts its pieces, and the end of its work.
fn counting(count: &Arc<AtomicUsize>) -> Run<()> {
    let count = Arc::clone(count);
    Run::new("endless", move |ctx| async move {
        loop {
            ctx.emit(TextDelta::new("x".repeat(1000))).await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_read_holds_the_run_back_and_one_that_is_dropped_stops_it() {
    let count = Arc::new(AtomicUsize::new(0));
    let mut body = counting(&count).into_text().into_response().into_body();
    assert_eq!(count.load(Ordering::Relaxed), 0);
    frame(&mut body).await;
    let ahead = count.load(Ordering::Relaxed);
    assert!((8..=10).contains(&ahead), "{ahead}");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(count.load(Ordering::Relaxed), ahead);
    assert_eq!(Arc::strong_count(&count), 2);
    drop(body);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[tokio::test]
async fn events_without_looks_let_others_have_their_turn() {
    let silent = stream::repeat_with(|| Ok(started()));
    let mut body = respond(Format::Text, silent.boxed(), ResponseOptions::new()).into_body();
    tokio::select! {
        biased;
        _ = body.frame() => panic!("there is nothing to be shown"),
        () = tokio::task::yield_now() => {}
    }
}

/// A run that says bytes in small pieces.
fn picture(pieces: &[&'static [u8]]) -> Run<()> {
    let pieces = pieces.to_vec();
    Run::new("draw", move |ctx| async move {
        for piece in pieces {
            ctx.emit(Bytes::new(piece.into())).await;
        }
        Ok(())
    })
}

#[tokio::test]
async fn bytes_are_recognized_before_the_headers_are_sent() {
    for (pieces, content_type) in [
        (
            &[&b"\x89PN"[..], b"G\r\n\x1a\n\0", b"\0\0\rIHDR", b"rest"][..],
            "image/png",
        ),
        (
            &[b"Jays are corvids, not thrushes."],
            "application/octet-stream",
        ),
        (&[], "application/octet-stream"),
    ] {
        let response = picture(pieces).into_bytes().sniff().await;
        assert_eq!(response.headers()["content-type"], content_type);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, pieces.concat());
    }
    // Another format doesn't wait for anything.
    let (_sender, events) = mpsc::unbounded();
    let response = respond_sniffed(Format::Sse, events, ResponseOptions::new());
    assert_eq!(
        response.now_or_never().unwrap().headers()["content-type"],
        "text/event-stream"
    );
}

#[tokio::test]
async fn a_reader_that_comes_back_in_the_middle_of_a_picture_is_told_what_it_is() {
    let pieces: &[&[u8]] = &[b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"rest"];
    let events: Vec<_> = picture(pieces).stream().collect().await;
    let first = events
        .iter()
        .find(|event| event.kind.name() == "bytes")
        .unwrap();
    let options = ResponseOptions::new().after(first.place());
    let response = respond_sniffed(Format::Binary, super::log::read(events), options).await;
    assert_eq!(response.headers()["content-type"], "image/png");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, b"rest"[..]);
}

#[tokio::test]
async fn a_run_is_a_response_of_each_kind() {
    let run = || Run::new("greet", |_| async { Ok(()) }).id("run-1");
    for (response, format) in [
        (run().into_sse(), Format::Sse),
        (run().into_text(), Format::Text),
        (run().into_json(), Format::Json),
        (run().into_ndjson(), Format::Ndjson),
        (run().into_bytes(), Format::Binary),
        (run().into_frames(), Format::Frames),
        (run().into_envelope(), Format::Envelope),
        (run().into_wire(Format::Chunks), Format::Chunks),
    ] {
        let response = response.into_response();
        let headers = response.headers();
        assert_eq!(headers["content-type"], format.content_type());
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers["x-accel-buffering"], "no");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["mainstem-run"], "run-1");
    }
    let stranger = run().id("new\nline").into_text().into_response();
    assert!(!stranger.headers().contains_key("mainstem-run"));
}

#[tokio::test(start_paused = true)]
async fn a_run_as_a_response_has_the_same_options() {
    let waits = || Run::new("waits", |_| std::future::pending::<Result<()>>());
    let second = Duration::from_secs(1);
    let mut body = waits()
        .into_sse()
        .retry(second * 7)
        .heartbeat(second)
        .into_response()
        .into_body();
    assert!(frame(&mut body).await.starts_with("retry: 7000\n"));
    let begun = tokio::time::Instant::now();
    assert_eq!(frame(&mut body).await, ": ping\n\n");
    assert_eq!(begun.elapsed(), second);

    let says = Run::new("says", |ctx| async move {
        ctx.emit(TextDelta::new("Ja")).await;
        ctx.emit(TextDelta::new("ys")).await;
        std::future::pending::<Result<()>>().await
    });
    let begun = tokio::time::Instant::now();
    let mut body = says
        .into_text()
        .flush(100, second)
        .into_response()
        .into_body();
    assert_eq!(frame(&mut body).await, "Jays");
    assert_eq!(begun.elapsed(), second);
}
