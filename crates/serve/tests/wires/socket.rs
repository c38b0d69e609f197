//! Over a real connection: what arrives, and how it ends.

use axum::{Router, routing::get};
use futures::{Stream, stream};
use mainstem_core::{Event, Result};
use mainstem_serve::{ResponseOptions, respond, wire::Format};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::log::{cancelled, error, failed, finished, retracted, started, suspended, text};

/// What a client reads: the bytes of the body, and whether it ended properly.
struct Read {
    body: String,
    is_whole: bool,
}

async fn get_from<S>(format: Format, events: impl Fn() -> S + Clone + Send + Sync + 'static) -> Read
where
    S: Stream<Item = Result<Event>> + Send + Unpin + 'static,
{
    let answer = move || async move { respond(format, events(), ResponseOptions::new()) };
    let router = Router::new().route("/", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has given all that it gives.
    let _ = socket.read_to_end(&mut answer).await;
    server.abort();
    dechunk(&answer)
}

/// Takes the chunks apart.
fn dechunk(answer: &[u8]) -> Read {
    let answer = std::str::from_utf8(answer).unwrap();
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            let is_whole = true;
            return Read { body, is_whole };
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    let is_whole = false;
    Read { body, is_whole }
}

fn read(
    events: &[Event],
) -> impl Fn() -> stream::Iter<std::vec::IntoIter<Result<Event>>> + Clone + use<> {
    let events = events.to_vec();
    move || stream::iter(events.iter().cloned().map(Ok).collect::<Vec<_>>())
}

#[tokio::test]
async fn text_ends_properly_only_if_the_run_finished() {
    for (end, is_whole) in [
        (finished(4), true),
        (failed(4), false),
        (cancelled(4), false),
        (suspended(4), false),
        (text(4, ""), false),
        (retracted(4, 2), false),
    ] {
        let events = [started(), text(2, "Ja"), text(3, "ys."), end];
        let seen = get_from(Format::Text, read(&events)).await;
        assert_eq!(seen.body, "Jays.", "{:?}", events[3]);
        assert_eq!(seen.is_whole, is_whole, "{:?}", events[3]);
    }
}

#[tokio::test]
async fn events_end_properly_with_any_end() {
    for format in [Format::Sse, Format::Ndjson] {
        for end in [finished(4), failed(4), cancelled(4), suspended(4)] {
            let name = end.kind.name().to_owned();
            let events = [started(), text(2, "Ja"), retracted(3, 2), end];
            let seen = get_from(format, read(&events)).await;
            assert!(seen.is_whole, "{name}");
            assert!(seen.body.contains(&name), "{}", seen.body);
            assert!(seen.body.contains("retracted"), "{}", seen.body);
        }
    }
}

#[tokio::test]
async fn a_stream_without_an_end_is_cut_after_what_can_be_said_of_it() {
    let lost = || {
        let events = [Ok(started()), Ok(text(2, "Jays")), Err(error())];
        stream::iter(events.into_iter().collect::<Vec<_>>())
    };
    let seen = get_from(Format::Sse, lost).await;
    assert!(!seen.is_whole);
    assert!(
        seen.body
            .contains("event: broken\ndata: {\"error\":{\"kind\":\"model\"")
    );
    let seen = get_from(Format::Sse, read(&[started(), text(2, "Jays")])).await;
    assert!(!seen.is_whole);
    assert!(
        seen.body
            .contains("event: broken\ndata: {\"error\":{\"kind\":\"truncated\"")
    );
    let seen = get_from(Format::Ndjson, read(&[started()])).await;
    assert!(!seen.is_whole);
    assert!(seen.body.ends_with("}}\n"));
    assert!(
        seen.body
            .contains(r#"{"type":"broken","error":{"kind":"truncated""#)
    );
    let seen = get_from(Format::Text, lost).await;
    assert_eq!((seen.body.as_str(), seen.is_whole), ("Jays", false));
}

#[tokio::test]
async fn a_slow_client_gets_all_that_was_said_before_the_cut() {
    let long = "x".repeat(300_000);
    let events: Vec<_> = (2..13)
        .map(|seq| text(seq, &long))
        .chain([failed(13)])
        .collect();
    let seen = get_from(Format::Text, read(&events)).await;
    assert_eq!(seen.body.len(), 3_300_000);
    assert!(!seen.is_whole);
}
