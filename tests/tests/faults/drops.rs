//! Leaving while something is tried again.

use std::time::Duration;

use futures::StreamExt;
use mainstem::{
    Agent, ErrorKind, EventKind, OutputMode, Recovery, RecoveryBuilder, TimeLimits, WhenCut,
};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{model, server_with, within};

use crate::fault::{HALF, REST};

fn half() -> Reply {
    Reply::stream().role().content(HALF)
}

fn recovery(server: &ScriptedServer) -> RecoveryBuilder {
    let pause = Duration::from_millis(1);
    Recovery::of(model(server)).backoff(pause, pause)
}

#[tokio::test]
async fn r15_an_attempt_that_stalls_is_hung_up_on() {
    let server = server_with([half().stall(), Reply::text([REST])]).await;
    let limits = TimeLimits::NONE.between_events(Duration::from_millis(300));
    let plan = recovery(&server).time_limits(limits);
    let plan = plan.when_cut(WhenCut::Continue).build().unwrap();
    let agent = Agent::builder(plan).build().unwrap();
    let result = within(agent.run("Hi")).await.unwrap();
    assert_eq!(result.output, format!("{HALF}{REST}"));
    assert_eq!(within(server.disconnected(0)).await.request, 0);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn r15_a_run_that_is_stopped_in_a_pause_asks_nobody_any_more() {
    let server = server_with([Reply::error_status(503, "busy")]).await;
    server.fallback(Reply::text(["too late"]));
    let hour = Duration::from_secs(3600);
    let plan = Recovery::of(model(&server))
        .backoff(hour, hour)
        .build()
        .unwrap();
    let agent = Agent::builder(plan).build().unwrap();
    let mut run = agent.run_streamed("Hi");
    loop {
        let event = within(run.next()).await.unwrap();
        if matches!(&event.kind, EventKind::Notice(notice) if notice.code == "pause") {
            break;
        }
    }
    run.stop();
    let error = within(run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().usage.requests, 1);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn r15_a_run_that_is_dropped_hangs_up_on_the_attempt_under_way() {
    let server = server_with([Reply::error_status(503, "busy"), half().stall()]).await;
    let agent = Agent::builder(recovery(&server).build().unwrap())
        .build()
        .unwrap();
    let mut run = agent.run_streamed("Hi");
    assert_eq!(within(run.next_text()).await.unwrap().unwrap(), HALF);
    drop(run);
    assert_eq!(within(server.disconnected(1)).await.request, 1);
}

/// The first request is enforced, and what is asked for is wrapped; the rest of it can't be.
#[tokio::test]
async fn json_that_was_cut_in_its_wrapping_goes_on_without_it() {
    let first = Reply::stream().role().content(r#"{"value":[1,"#).cut();
    let server = server_with([first, Reply::text([" 2, ", "3]"])]).await;
    let plan = recovery(&server)
        .when_cut(WhenCut::Continue)
        .build()
        .unwrap();
    let agent = Agent::builder(plan)
        .output::<Vec<u32>>()
        .output_mode(OutputMode::StrictSchema)
        .build()
        .unwrap();
    assert_eq!(within(agent.run("Hi")).await.unwrap().output, [1, 2, 3]);
    let [first, second] = &server.requests()[..] else {
        panic!("{:?}", server.requests())
    };
    assert_eq!(first.body["response_format"]["json_schema"]["strict"], true);
    assert!(second.body.get("response_format").is_none());
    let messages = second.body["messages"].as_array().unwrap();
    assert!(
        messages[0]["content"]
            .as_str()
            .unwrap()
            .contains("JSON schema")
    );
    assert_eq!(messages[2]["content"], "[1,");
}
