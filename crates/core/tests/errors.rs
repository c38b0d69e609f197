//! What errors become on their way out of a run.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{
    Error, ErrorKind, Event, EventKind, InputRequest, ModelRequest, Run, RunContext, StepPath,
    TextDelta, TimeLimits, TimedStream,
    test_util::{Script, ScriptedModel},
};

/// The events of a run whose one step fails with an error, and the run's error.
async fn run_failing_with(error: Error) -> (Vec<Event>, Error) {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        let body = |_| async { Err::<(), _>(error) };
        ctx.step("ask", "function", body).await
    });
    let mut stream = run.id("r").stream();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    (events, stream.await.unwrap_err())
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.name()).collect()
}

#[tokio::test]
async fn a_step_suspends_its_run_which_says_where() {
    let ask = InputRequest::new("ok", StepPath::run().child("ask"), "Go on?");
    let (events, error) = run_failing_with(Error::suspend([ask.clone()])).await;
    let all = ["run_started", "step_started", "run_suspended"];
    assert_eq!(names(&events), all);
    let end = events.last().unwrap();
    let EventKind::RunSuspended(suspended) = &end.kind else {
        panic!("{end:?}")
    };
    assert_eq!(suspended.requests, [ask]);
    let suspension = error.suspension().unwrap();
    assert_eq!(suspension.requests, suspended.requests);
    assert_eq!(suspension.run.as_str(), "r");
    assert_eq!(suspension.place, end.place());
}

#[tokio::test]
async fn a_suspension_that_asks_nothing_is_a_failure() {
    for error in [
        Error::suspend([]),
        Error::new(ErrorKind::Suspended, "waiting"),
    ] {
        let (events, error) = run_failing_with(error).await;
        let all = ["run_started", "step_started", "step_failed", "run_failed"];
        assert_eq!(names(&events), all);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

async fn timed_out(limits: TimeLimits) -> String {
    let script = Script::new().stall();
    let stream = mainstem_core::Model::stream(
        &ScriptedModel::new().script(script),
        ModelRequest::new(Vec::new()),
    );
    let last = TimedStream::new(stream, limits).collect::<Vec<_>>().await;
    last.into_iter()
        .next_back()
        .unwrap()
        .unwrap_err()
        .to_string()
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_limit_names_what_raises_it() {
    let second = Duration::from_secs(1);
    let first = timed_out(TimeLimits::NONE.first_event(second)).await;
    assert_eq!(
        first,
        "the model kept waiting for the first piece for 1s; raise `first_event` of the `time_limits`"
    );
    let total = timed_out(TimeLimits::NONE.total(second)).await;
    assert!(total.contains("`total`"), "{total}");

    let slow = Run::<()>::new("r", |_| std::future::pending()).wall_clock_limit(second);
    let error = slow.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the run took longer than 1s; raise its `wall_clock_limit`"
    );
    let long = Run::new("r", |ctx: RunContext| async move {
        ctx.emit(TextDelta::new("too long")).await;
        Ok(())
    });
    let error = long.max_output_bytes(3).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the run's output is longer than 3 bytes; raise its `max_output_bytes`"
    );
}
