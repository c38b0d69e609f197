//! Row R2 for flows: awaited or streamed, a run is the same run.

use std::sync::Arc;

use mainstem::{Context, ErrorInfo};
use mainstem_testkit::Recorded;
use mainstem_tests::{
    Api, server,
    watch::{How, Seen, in_words},
};
use serde_json::Value;

use crate::scenarios::{Agents, End, Scenario, all};

/// What the request's last message says.
fn asked(request: &Recorded) -> String {
    let messages = request.messages();
    let last = messages.last().unwrap();
    // What a tool gave is the `output` of an item, by the Responses API.
    let said = last["content"].as_str().or(last["output"].as_str());
    said.unwrap().to_owned()
}

/// One way of a scenario: what was seen, sent and remembered, branches in the order of their paths.
async fn play(scenario: &Scenario, api: Api, how: How) -> (Seen, Vec<String>, Vec<String>) {
    let server = server().await;
    let replies = scenario.replies;
    server.respond_with(move |request| replies(&asked(request)));
    let server = Arc::new(server);
    let ctx = Context::new();
    let mut seen = (scenario.play)(Agents(Arc::clone(&server), api), ctx.clone(), how).await;
    for event in &mut seen.events {
        event.as_object_mut().unwrap().remove("seq");
    }
    seen.events
        .sort_by_key(|event| event["path"].as_str().map(str::to_owned));
    let mut sent: Vec<_> = server.requests().iter().map(asked).collect();
    sent.sort_unstable();
    (seen, sent, in_words(&ctx.messages()))
}

async fn check(scenario: &Scenario, api: Api) {
    let name = scenario.name;
    let awaited = play(scenario, api, How::Awaited).await;
    for how in [How::Events, How::Text] {
        let mut this = play(scenario, api, how).await;
        if name.contains("in parallel") {
            this.0.chunks.sort_unstable();
            let mut awaited_chunks = awaited.0.chunks.clone();
            awaited_chunks.sort_unstable();
            assert_eq!(this.0.chunks, awaited_chunks, "{name}: {how:?}");
            this.0.chunks.clone_from(&awaited.0.chunks);
        }
        assert_eq!(this, awaited, "{name}: {how:?}");
    }
    let (seen, sent, remembered) = awaited;
    assert_eq!(remembered, scenario.remembered, "{name}");
    assert_eq!(sent.len(), scenario.requests, "{name}");
    match (&scenario.end, &seen.outcome) {
        (End::Output(expected), Ok(result)) => assert_eq!(result["output"], *expected, "{name}"),
        (End::Failed(kind, step, text), Err((info, partial))) => {
            let info: ErrorInfo = serde_json::from_value(info.clone()).unwrap();
            assert_eq!(info.kind, *kind, "{name}: {info:?}");
            assert_eq!(info.step.unwrap().to_string(), *step, "{name}");
            assert_eq!(partial.as_ref().unwrap().text, *text, "{name}");
        }
        (_, outcome) => panic!("{name}: {outcome:?}"),
    }
    check_steps(name, &seen.events);
}

/// Each step that began has one end.
fn check_steps(name: &str, events: &[Value]) {
    let count = |kinds: &[&str]| {
        let of = |event: &&Value| kinds.contains(&event["type"].as_str().unwrap());
        events.iter().filter(of).count()
    };
    let ended = count(&["step_finished", "step_failed"]);
    assert_eq!(count(&["step_started"]), ended, "{name}");
}

#[tokio::test]
async fn r2_awaited_or_streamed_each_scenario_of_a_flow_is_the_same() {
    for scenario in &all() {
        check(scenario, Api::Chat).await;
    }
}

#[tokio::test]
async fn r2_by_the_responses_api_each_scenario_of_a_flow_is_the_same() {
    for scenario in &all() {
        check(scenario, Api::Responses).await;
    }
}
