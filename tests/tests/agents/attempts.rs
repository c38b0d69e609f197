//! Outputs that don't fit, over real sockets: the connection closes at the fault.

use std::time::{Duration, Instant};

use futures::StreamExt;
use mainstem::{Agent, EventKind, Flow, MemoryStore, OutputAttempts, Store};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{builder, server_with, within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drops::check_closed;

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Bird {
    eggs: u8,
}

const RIGHT: [&str; 2] = [r#"{"eggs": "#, "5}"];

/// Goes on for hours after its fault.
fn wrong() -> Reply {
    Reply::stream()
        .content(r#"{"eggs": "#)
        .content("five")
        .repeat("NO", 100_000)
        .every(Duration::from_millis(20))
}

fn birds(server: &ScriptedServer, name: &'static str) -> Agent<Bird> {
    let agent = builder(server).name(name).output::<Bird>();
    agent.output_attempts(2).build().unwrap()
}

#[tokio::test]
async fn the_server_sees_at_once_that_nobody_wants_the_rest() {
    let server = server_with([wrong(), Reply::text(RIGHT)]).await;
    let result = within(birds(&server, "a").run("q")).await.unwrap();
    assert_eq!(result.output, Bird { eggs: 5 });
    assert_eq!(result.usage.requests, 2);
    within(server.disconnected(0)).await;

    let requests = server.requests();
    let messages = requests[1].messages();
    let said = |at: usize| messages[messages.len() - at]["content"].to_string();
    assert!(said(1).contains("at /eggs (byte 9)"), "{}", said(1));
    assert_eq!(messages[messages.len() - 2]["role"], "assistant");
    assert!(said(2).contains("five"), "{}", said(2));
}

#[tokio::test]
async fn a_text_reader_gets_the_error_and_the_connection_is_closed_by_then() {
    let server = server_with([wrong()]).await;
    let mut run = birds(&server, "a").run_streamed("q");
    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), RIGHT[0]);
    let error = within(run.next_text()).await.unwrap_err();
    let now = Instant::now();
    let attempts = OutputAttempts::of(&error).unwrap().attempts();
    assert_eq!(attempts[0].text(), r#"{"eggs": five"#);
    check_closed(&server, now).await;
}

#[tokio::test]
async fn a_run_that_is_dropped_in_its_second_attempt_closes_that_connection() {
    let stalls = Reply::stream().content(RIGHT[0]).stall();
    let server = server_with([wrong(), stalls]).await;
    let mut run = birds(&server, "a").run_streamed("q");
    let mut is_second = false;
    while let Some(event) = within(run.next()).await {
        is_second |= matches!(event.kind, EventKind::Retracted(_));
        if is_second && event.text().is_some() {
            break;
        }
    }
    let now = Instant::now();
    drop(run);
    let seen = within(server.disconnected(1)).await;
    assert!(seen.at.saturating_duration_since(now) < Duration::from_millis(100));
    within(server.until_active(0)).await;
}

#[tokio::test]
async fn in_a_flow_only_the_step_that_asks_again_is_retracted() {
    let (a, b) = (
        server_with([wrong(), Reply::text(RIGHT)]).await,
        server_with([Reply::text(RIGHT)]).await,
    );
    let flow = Flow::new("f").parallel("views", (birds(&a, "wrong"), birds(&b, "right")));
    let store = MemoryStore::new();
    let mut run = flow.run("q".to_owned()).store(store.clone()).stream();
    let (mut retracted, mut seen) = (Vec::new(), Vec::new());
    while let Some(event) = within(run.next()).await {
        if let EventKind::Retracted(_) = &event.kind {
            retracted.push(event.path.to_string());
        }
        seen.push(event);
    }
    assert_eq!(retracted, ["f/views[0]/wrong"]);
    let log = store.tail(run.id(), None).map(Result::unwrap);
    assert_eq!(within(log.collect::<Vec<_>>()).await, seen);
    let (left, right) = within(run).await.unwrap().output;
    assert_eq!((left, right), (Bird { eggs: 5 }, Bird { eggs: 5 }));
}
