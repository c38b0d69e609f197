//! `--events`.

use mainstem::{ErrorKind, Event, EventKind};
use mainstem_testkit::{Gate, Reply};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::harness::{Done, chat, gated, server, soon};

fn events(lines: &str) -> Vec<Event> {
    assert!(lines.ends_with('\n'));
    let read = |line| serde_json::from_str(line).unwrap();
    lines.lines().map(read).collect()
}

#[tokio::test]
async fn each_event_is_a_line() {
    let server = server([Reply::text(["Ja", "y"])]).await;
    let done = Done::of(chat(&server, &["--events", "x"])).await;
    assert_eq!((done.code, &*done.stderr), (Some(0), ""));

    let events = events(&done.stdout);
    assert_eq!(events[0].kind.name(), "run_started");
    let text: String = events
        .iter()
        .filter_map(|event| event.text().map(|text| &**text))
        .collect();
    assert_eq!(text, "Jay");
    assert_eq!(events.last().unwrap().kind.name(), "run_finished");
}

#[tokio::test]
async fn a_line_comes_when_its_event_does() {
    let gate = Gate::new();
    let server = server([gated("Ja", &gate, "y")]).await;
    let mut child = chat(&server, &["--events", "x"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = soon(lines.next_line()).await.unwrap().unwrap();
        if serde_json::from_str::<Event>(&line)
            .unwrap()
            .text()
            .is_some()
        {
            break;
        }
    }
    gate.open();
    while soon(lines.next_line()).await.unwrap().is_some() {}
    assert_eq!(Done::after(child).await.code, Some(0));
}

#[tokio::test]
async fn failures_have_their_event_and_their_code() {
    let server = server([
        Reply::error_status(500, "overloaded"),
        Reply::stream().role().content("Half").cut(),
    ])
    .await;
    for (code, kind) in [(3, ErrorKind::Model), (4, ErrorKind::Truncated)] {
        let done = Done::of(chat(&server, &["--events", "x"])).await;
        assert_eq!(done.code, Some(code));
        assert!(done.stderr.starts_with("error: "));
        let events = events(&done.stdout);
        let EventKind::RunFailed(failed) = &events.last().unwrap().kind else {
            panic!("{events:?}");
        };
        assert_eq!(failed.error.kind, kind);
    }
}
