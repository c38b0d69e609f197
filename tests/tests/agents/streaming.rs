//! Row R1: chunks come as they are generated, with typed events around them.

use futures::StreamExt;
use mainstem::{EventKind, FinishReason, Usage};
use mainstem_testkit::{Gate, Reply};
use mainstem_tests::{agent, server_with, within};

#[tokio::test]
async fn r1_chunks_come_as_they_are_generated() {
    let (first, second) = (Gate::new(), Gate::new());
    let reply = Reply::stream()
        .role()
        .content("Why")
        .gate(&first)
        .content(" not")
        .gate(&second)
        .content("?");
    let server = server_with([reply.finish("stop").usage(3, 3).done()]).await;
    let mut run = agent(&server).run_streamed("Hi");

    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), "Why");
    assert!(!first.is_open(), "the rest isn't even generated");
    first.open();
    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), " not");
    assert!(!second.is_open());
    second.open();
    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), "?");
    assert_eq!(within(run.next_text()).await.unwrap(), None);
    assert_eq!(run.await.unwrap().output, "Why not?");
}

/// A piece of 3 bytes of a character that has 4, then silence: the reader has what was whole.
#[tokio::test]
async fn r1_a_chunk_is_shown_before_the_next_one_is_whole() {
    let gate = Gate::new();
    let body = Reply::stream().content("🐦").finish("stop").body_bytes();
    let cut = body
        .windows(2)
        .position(|pair| pair == b"\xF0\x9F")
        .unwrap()
        + 3;
    let reply = Reply::stream()
        .content("A bird: ")
        .raw(body[..cut].to_vec())
        .gate(&gate)
        .raw(body[cut..].to_vec());
    let server = server_with([reply]).await;
    let mut run = agent(&server).run_streamed("Hi");
    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), "A bird: ");
    within(gate.arrived(1)).await;
    gate.open();
    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), "🐦");
}

#[tokio::test]
async fn r1_thoughts_usage_and_finish_are_events_of_their_own() {
    let reply = Reply::stream()
        .role()
        .reasoning("Hm.")
        .content("Yes")
        .finish("stop")
        .usage(3, 2)
        .done();
    let server = server_with([reply]).await;
    let mut run = agent(&server).run_streamed("Hi");
    let mut kinds = Vec::new();
    while let Some(event) = within(run.next()).await {
        let path = event.path.to_string();
        kinds.push((path, event.kind));
    }
    let names: Vec<_> = kinds
        .iter()
        .map(|(path, kind)| (path.as_str(), kind.name()))
        .collect();
    assert_eq!(
        names,
        [
            ("", "run_started"),
            ("agent", "step_started"),
            ("agent", "turn_started"),
            ("agent", "reasoning_delta"),
            ("agent", "text_delta"),
            ("agent", "turn_finished"),
            ("agent", "step_finished"),
            ("", "run_finished"),
        ]
    );
    let usage = Usage::new(3, 2);
    for (_, kind) in kinds {
        match kind {
            EventKind::RunStarted(it) => assert_eq!(it.input.unwrap().as_str(), "\"Hi\""),
            EventKind::TurnStarted(it) => {
                assert_eq!(
                    (it.model.as_str(), it.request_id),
                    ("m", Some("req-testkit-0".into()))
                );
            }
            EventKind::ReasoningDelta(it) => assert_eq!(it.text, "Hm."),
            EventKind::TextDelta(it) => assert_eq!(it.text, "Yes"),
            EventKind::TurnFinished(it) => {
                assert_eq!((it.finish_reason, it.usage), (FinishReason::Stop, usage));
            }
            EventKind::StepFinished(it) => {
                assert_eq!((it.output.as_str(), it.usage), ("\"Yes\"", usage));
            }
            EventKind::RunFinished(it) => assert_eq!(
                (it.finish_reason, it.usage),
                (Some(FinishReason::Stop), usage)
            ),
            _ => {}
        }
    }
}

#[tokio::test]
async fn r1_a_text_view_gives_the_models_text_and_nothing_else() {
    let reply = Reply::stream()
        .role()
        .reasoning("Hm.")
        .content("a")
        .content("")
        .null_content()
        .comment("x")
        .content("b");
    let server = server_with([reply.finish("stop").usage(3, 2).done()]).await;
    let texts: Vec<_> = agent(&server).run_streamed("Hi").text().collect().await;
    let texts: Vec<_> = texts
        .into_iter()
        .map(|text| text.unwrap().to_string())
        .collect();
    assert_eq!(texts, ["a", "b"]);
}

#[tokio::test]
async fn r1_the_events_of_two_runs_at_once_come_from_their_own() {
    let (one, two) = (Gate::new(), Gate::new());
    let reply = |text: &str, gate: &Gate| {
        Reply::stream()
            .content(text)
            .gate(gate)
            .content("!")
            .finish("stop")
    };
    let server = server_with([reply("one", &one), reply("two", &two)]).await;
    let agent = agent(&server);
    let mut first = agent.run_streamed("Hi");
    assert_eq!(within(first.next_text()).await.unwrap().unwrap(), "one");
    let mut second = agent.run_streamed("Hi");
    assert_eq!(within(second.next_text()).await.unwrap().unwrap(), "two");
    assert_eq!(server.active(), 2);
    two.open();
    assert_eq!(within(second).await.unwrap().output, "two!");
    one.open();
    assert_eq!(within(first).await.unwrap().output, "one!");
}
