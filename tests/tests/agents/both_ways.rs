//! Row R2: awaited or streamed, a run is the same run.

use futures::{StreamExt, stream};
use mainstem::{Agent, Context, ErrorInfo};
use mainstem_tests::{
    Api, server_with,
    watch::{How, Seen, in_words, watch},
    within,
};
use serde_json::Value;

use crate::scenarios::{End, Scenario, all};

/// One way of a scenario: what was seen, sent and remembered.
async fn play(scenario: &Scenario, api: Api, how: How) -> (Seen, Vec<Value>, Vec<String>) {
    let server = server_with(scenario.replies.clone()).await;
    let ctx = Context::new();
    (scenario.history)(&ctx);
    let agent = Agent::builder(api.model(&server)).instructions("Birds only.");
    let seen = (scenario.play)(agent, ctx.clone(), how).await;
    let sent = server
        .requests()
        .into_iter()
        .map(|request| request.body)
        .collect();
    (seen, sent, in_words(&ctx.messages()))
}

async fn check(scenario: &Scenario, api: Api) {
    let name = scenario.name;
    let awaited = play(scenario, api, How::Awaited).await;
    for how in [How::Events, How::Text] {
        assert_eq!(play(scenario, api, how).await, awaited, "{name}: {how:?}");
    }
    let (seen, sent, remembered) = awaited;
    assert_eq!(remembered, scenario.remembered, "{name}");
    assert_eq!(
        sent.len(),
        scenario.replies.len(),
        "{name}: one request each"
    );
    match (&scenario.end, &seen.outcome) {
        (End::Output(expected), Ok(result)) => {
            assert_eq!(result["output"], *expected, "{name}");
            assert_eq!(seen.names().last(), Some(&"run_finished"), "{name}");
        }
        (End::Failed(kind, text) | End::CutOff(kind, text), Err((info, partial))) => {
            let info: ErrorInfo = serde_json::from_value(info.clone()).unwrap();
            assert_eq!(info.kind, *kind, "{name}: {info:?}");
            let step = info
                .step
                .and_then(|step| Some(step.segments().next()?.name().into_owned()));
            let is_of_step = matches!(scenario.end, End::Failed(..));
            assert_eq!(step.as_deref(), is_of_step.then_some("agent"), "{name}");
            assert_eq!(partial.as_ref().unwrap().text, *text, "{name}");
            assert_eq!(seen.names().last(), Some(&"run_failed"), "{name}");
            let shown = seen.chunks.concat();
            match kind {
                // The piece with the fault is kept, and never shown.
                mainstem::ErrorKind::Output => assert!(text.starts_with(&shown), "{name}: {shown}"),
                _ => assert_eq!(shown, *text, "{name}: what was shown is what is kept"),
            }
        }
        (_, outcome) => panic!("{name}: {outcome:?}"),
    }
}

#[tokio::test]
async fn r2_awaited_or_streamed_each_scenario_is_the_same() {
    let scenarios = all();
    assert!(scenarios.len() > 30, "{}", scenarios.len());
    let check = |scenario| check(scenario, Api::Chat);
    stream::iter(&scenarios).for_each_concurrent(8, check).await;
}

#[tokio::test]
async fn r2_by_the_responses_api_each_scenario_is_the_same() {
    let mut scenarios = all();
    // Its body is one of chat completions, byte for byte.
    scenarios.retain(|scenario| scenario.name != "a whole completion");
    let check = |scenario| check(scenario, Api::Responses);
    stream::iter(&scenarios).for_each_concurrent(8, check).await;
}

#[tokio::test]
async fn r2_a_run_that_is_half_read_gives_the_same_result() {
    let server = server_with([mainstem_testkit::Reply::text(["a", "b", "c"])]).await;
    let mut run = mainstem_tests::agent(&server).run_streamed("Hi");
    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), "a");
    let result = within(run).await.unwrap();
    assert_eq!(result.output, "abc");
    assert_eq!(in_words(&result.messages), ["user: Hi", "assistant: abc"]);
}

#[tokio::test]
async fn r2_a_run_without_streaming_from_the_model_gives_the_same_output() {
    let replies = || {
        [mainstem_testkit::Reply::stream()
            .reasoning("Hm.")
            .content("a")
            .content("b")
            .finish("stop")
            .usage(3, 2)]
    };
    let streaming = server_with(replies()).await;
    let whole = server_with(replies()).await;
    let model = mainstem_tests::model_builder(&whole)
        .streaming(false)
        .build()
        .unwrap();
    let agent = mainstem::Agent::builder(model).build().unwrap();
    let whole = watch(agent.run("Hi"), How::Events).await;
    let streamed = watch(mainstem_tests::agent(&streaming).run("Hi"), How::Events).await;
    assert_eq!(whole.outcome, streamed.outcome);
    assert_eq!(
        (whole.chunks, streamed.chunks),
        (vec!["ab".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
}
