//! Row R3: a callback for each chunk.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use mainstem::EventKind;
use mainstem_testkit::Reply;
use mainstem_tests::{agent, server_with, within};

const PIECES: [&str; 4] = ["Jays ", "bury ", "acorns", "."];

fn list() -> (
    Arc<Mutex<Vec<String>>>,
    impl FnMut(&mainstem::Text) + Send + 'static,
) {
    let list = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&list);
    (list, move |chunk: &mainstem::Text| {
        keep.lock().unwrap().push(chunk.to_string());
    })
}

#[tokio::test]
async fn r3_a_callback_gets_the_same_chunks_as_a_reader() {
    let server = server_with([Reply::text(PIECES)]).await;
    let (seen, on_chunk) = list();
    let mut run = agent(&server).run("Hi").on_chunk(on_chunk).stream();
    let mut read = Vec::new();
    while let Some(text) = within(run.next_text()).await.unwrap() {
        read.push(text.to_string());
        assert_eq!(
            *seen.lock().unwrap(),
            read,
            "the callback comes first, and not ahead"
        );
    }
    assert_eq!(read, PIECES);
    assert_eq!(*seen.lock().unwrap(), read);
}

#[tokio::test]
async fn r3_a_callback_is_called_when_the_run_is_only_awaited() {
    let server = server_with([Reply::text(PIECES)]).await;
    let (seen, on_chunk) = list();
    within(agent(&server).run("Hi").on_chunk(on_chunk))
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), PIECES);
}

#[tokio::test]
async fn r3_a_callback_has_all_chunks_before_a_failure() {
    let server = server_with([Reply::stream().content("a").content("b").cut()]).await;
    let (seen, on_chunk) = list();
    within(agent(&server).run("Hi").on_chunk(on_chunk))
        .await
        .unwrap_err();
    assert_eq!(*seen.lock().unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn r3_a_callback_that_panics_ends_nothing_and_hides_no_other() {
    let server = server_with([Reply::text(PIECES)]).await;
    let (seen, on_chunk) = list();
    let mut calls = 0;
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    let run = agent(&server)
        .run("Hi")
        .on_chunk(move |_| {
            calls += 1;
            *counted.lock().unwrap() = calls;
            // Without the message that a panic writes.
            std::panic::resume_unwind(Box::new("on purpose"));
        })
        .on_chunk(on_chunk);
    let mut run = run.stream();
    let mut notices = Vec::new();
    while let Some(event) = within(run.next()).await {
        if let EventKind::Notice(notice) = event.kind {
            notices.push(notice.code.to_string());
        }
    }
    assert_eq!(run.await.unwrap().output, PIECES.concat());
    assert_eq!(notices, ["callback_panicked"], "it is said once");
    assert_eq!(*count.lock().unwrap(), PIECES.len(), "it is called again");
    assert_eq!(*seen.lock().unwrap(), PIECES);
}
