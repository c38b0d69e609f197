//! Answers that are cut while a tool is called, or after one was: no call is made twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use mainstem::{Agent, Error, EventKind, Recovery, WhenCut, tool_fn};
use mainstem_testkit::Reply;
use mainstem_tests::{model, server_with, within};
use serde_json::json;

use crate::{
    cell::Reader,
    fault::{HALF, REST},
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Weather {
    city: String,
}

/// What was left of the text, how often the tool was called, how many requests went out.
struct Played {
    text: String,
    end: Result<String, Error>,
    calls: usize,
    requests: usize,
}

async fn play(replies: Vec<Reply>, when_cut: WhenCut, reader: Reader) -> Played {
    let server = server_with(replies).await;
    let pause = Duration::from_millis(1);
    let plan = Recovery::of(model(&server)).backoff(pause, pause);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let weather = move |it: Weather| {
        count.fetch_add(1, Ordering::SeqCst);
        format!("It rains in {}.", it.city)
    };
    let agent = Agent::builder(plan.when_cut(when_cut).build().unwrap())
        .tool(tool_fn("weather", "The weather.", weather))
        .build()
        .unwrap();
    let mut run = agent.run_streamed("What do I wear?");
    let mut text = String::new();
    match reader {
        Reader::Text => {
            while let Ok(Some(piece)) = within(run.next_text()).await {
                text.push_str(&piece);
            }
        }
        Reader::Events => {
            while let Some(event) = within(run.next()).await {
                match (&event.kind, event.text()) {
                    (EventKind::Retracted(_), _) => text.clear(),
                    (_, Some(piece)) => text.push_str(piece),
                    _ => {}
                }
            }
        }
    }
    Played {
        text,
        end: within(run).await.map(|result| result.output),
        calls: calls.load(Ordering::SeqCst),
        requests: server.requests().len(),
    }
}

fn begun() -> Reply {
    Reply::stream().role()
}

fn call(reply: Reply, arguments: &str) -> Reply {
    reply
        .tool_start(0, "c1", "weather")
        .tool_arguments(0, arguments)
}

fn called() -> Reply {
    Reply::tool_call("c2", "weather", &json!({"city": "Oslo"}))
}

#[tokio::test]
async fn w13_a_call_that_is_cut_is_made_once_for_every_reader() {
    let whole = r#"{"city": "Oslo"}"#;
    for arguments in [r#"{"ci"#, whole] {
        for when_cut in [WhenCut::Continue, WhenCut::Restart, WhenCut::Hold] {
            for reader in [Reader::Events, Reader::Text] {
                let replies = vec![
                    call(begun(), arguments).cut(),
                    called(),
                    Reply::text([HALF, REST]),
                ];
                let played = play(replies, when_cut, reader).await;
                let name = format!("{arguments}, {when_cut:?}, {reader:?}");
                assert_eq!(played.end.unwrap(), format!("{HALF}{REST}"), "{name}");
                assert_eq!(played.text, format!("{HALF}{REST}"), "{name}");
                assert_eq!((played.calls, played.requests), (1, 3), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn w13_words_before_a_call_that_is_cut_stand_for_a_reader_of_text() {
    for when_cut in [WhenCut::Continue, WhenCut::Restart] {
        for reader in [Reader::Events, Reader::Text] {
            let first = call(begun().content("Let me see. "), r#"{"ci"#).cut();
            let replies = vec![first, called(), Reply::text([HALF, REST])];
            let played = play(replies, when_cut, reader).await;
            let name = format!("{when_cut:?}, {reader:?}");
            match reader {
                Reader::Events => {
                    assert_eq!(played.end.unwrap(), format!("{HALF}{REST}"), "{name}");
                    assert_eq!(played.text, format!("{HALF}{REST}"), "{name}");
                    assert_eq!((played.calls, played.requests), (1, 3), "{name}");
                }
                Reader::Text => {
                    let error = played.end.unwrap_err();
                    assert_eq!(error.partial().unwrap().text, "Let me see. ", "{name}");
                    assert_eq!(played.text, "Let me see. ", "{name}");
                    assert_eq!((played.calls, played.requests), (0, 1), "{name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn w13_an_answer_after_a_call_goes_on_without_another_call() {
    for reader in [Reader::Events, Reader::Text] {
        let replies = vec![called(), begun().content(HALF).cut(), Reply::text([REST])];
        let played = play(replies, WhenCut::Continue, reader).await;
        assert_eq!(played.end.unwrap(), format!("{HALF}{REST}"));
        assert_eq!(played.text, format!("{HALF}{REST}"));
        assert_eq!((played.calls, played.requests), (1, 3));
    }
}
