//! The one end of a run, and its result.

use std::error::Error as _;

use futures::stream::FusedStream;
use mainstem_core::{
    CancelledBy, Error, ErrorKind, EventKind, FinishReason, InputRequest, Message, Notice, Outcome,
    Partial, Run, RunContext, StepPath, Suspension, Usage,
};

use crate::common::{broken, collect, is_over, names, read_ready, say, text, texts};

fn rich() -> Run<String> {
    Run::new("rich", |ctx: RunContext| async move {
        ctx.record_message(Message::user("q"));
        ctx.record_usage(Usage::new(10, 1));
        let output = say(ctx.clone(), &["Ja", "ys"]).await?;
        ctx.emit(Notice::new("a", "b")).await;
        ctx.record_usage(Usage::new(5, 2));
        ctx.record_finish_reason(FinishReason::ToolCalls);
        ctx.record_finish_reason(FinishReason::Length);
        ctx.record_message(Message::assistant("Jays"));
        Ok(output)
    })
    .id("r")
}

fn request() -> InputRequest {
    InputRequest::new("ok", StepPath::run().child("ask"), "Go on?")
}

#[tokio::test]
async fn a_run_awaited_and_a_run_streamed_are_the_same() {
    let awaited = rich().await.unwrap();

    let mut stream = rich().stream();
    let events = collect(&mut stream).await;
    assert_eq!(stream.await.unwrap(), awaited);

    let mut half_read = rich().stream();
    assert_eq!(half_read.next_text().await.unwrap().unwrap(), "Ja");
    assert_eq!(half_read.await.unwrap(), awaited);

    // Awaiting is streaming without looking: an observer of it sees the same events.
    let seen = crate::common::Shared::default();
    let see = seen.clone();
    rich()
        .on_event(move |event| see.push((event.seq, event.path.clone(), event.kind.clone())))
        .await
        .unwrap();
    let streamed: Vec<_> = events
        .into_iter()
        .map(|event| (event.seq, event.path, event.kind))
        .collect();
    assert_eq!(seen.get(), streamed);
}

#[tokio::test]
async fn the_result_carries_what_was_recorded() {
    let result = rich().await.unwrap();
    assert_eq!(result.run.as_str(), "r");
    assert_eq!(result.output, "Jays");
    assert_eq!(result.to_string(), "Jays");
    let mut usage = Usage::new(15, 3);
    usage.requests = 2;
    assert_eq!(result.usage, usage);
    assert_eq!(result.finish_reason, Some(FinishReason::Length));
    assert_eq!(
        result.messages,
        [Message::user("q"), Message::assistant("Jays")]
    );
}

#[tokio::test]
async fn a_finished_run_has_one_end_with_its_output() {
    let mut stream = rich().stream();
    assert!(!stream.is_terminated());
    let events = collect(&mut stream).await;
    assert_eq!(
        names(&events),
        [
            "run_started",
            "text_delta",
            "text_delta",
            "notice",
            "run_finished"
        ]
    );
    let EventKind::RunFinished(end) = &events[4].kind else {
        panic!("{:?}", events[4])
    };
    assert_eq!(end.output.as_str(), r#""Jays""#);
    assert_eq!(end.usage.total_tokens(), 18);
    assert_eq!(end.finish_reason, Some(FinishReason::Length));
    assert!(stream.is_terminated());
    for _ in 0..3 {
        assert!(is_over(&mut stream));
    }
    assert_eq!(stream.next_text().await.unwrap(), None);
    stream.await.unwrap();
}

#[tokio::test]
async fn a_failed_run_has_one_end_with_its_error_and_what_was_delivered() {
    let run = Run::<String>::new("fails", |ctx: RunContext| async move {
        say(ctx.clone(), &["Ja", "ys"]).await?;
        ctx.record_usage(Usage::new(3, 2));
        ctx.record_partial(Partial::new("Jays", Usage::default(), None));
        Err(broken())
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    assert_eq!(texts(&events), ["Ja", "ys"]);
    let EventKind::RunFailed(end) = &events[3].kind else {
        panic!("{:?}", events[3])
    };
    assert_eq!(*end.error, (&broken()).into());
    let partial = end.partial.clone().unwrap();
    assert_eq!(partial.text, "Jays");
    assert_eq!(partial.usage, Usage::new(3, 2));
    assert!(stream.is_terminated());
    assert!(is_over(&mut stream));
    let error = stream.await.unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert_eq!(error.partial(), Some(&*partial));
}

#[tokio::test]
async fn a_cancelled_run_has_one_end_with_who_wanted_it() {
    let run = Run::<()>::new("stuck", |ctx: RunContext| async move {
        ctx.emit(text("a")).await;
        std::future::pending().await
    });
    let mut stream = run.stream();
    assert_eq!(stream.next_text().await.unwrap().unwrap(), "a");
    stream.stop_handle().stop_by(CancelledBy::Shutdown);
    let events = read_ready(&mut stream);
    assert_eq!(names(&events), ["run_cancelled"]);
    assert!(
        matches!(&events[0].kind, EventKind::RunCancelled(end) if end.by == CancelledBy::Shutdown)
    );
    assert!(stream.is_terminated());
    assert!(is_over(&mut stream));
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.to_string().contains("shutdown"), "{error}");
}

#[tokio::test]
async fn a_suspended_run_ends_with_its_requests_and_gives_them_as_a_value() {
    let run = || {
        Run::<String>::new("asks", |ctx: RunContext| async move {
            ctx.step("ask", "ask", |ctx| async move {
                ctx.emit(text("a")).await;
                Err::<String, _>(Error::suspend([request()]))
            })
            .await
        })
        .id("r")
    };
    let mut stream = run().stream();
    let events = collect(&mut stream).await;
    assert_eq!(
        names(&events),
        ["run_started", "step_started", "text_delta", "run_suspended"],
        "a suspended step has neither finished nor failed"
    );
    let EventKind::RunSuspended(end) = &events[3].kind else {
        panic!("{:?}", events[3])
    };
    assert_eq!(end.requests, [request()]);
    assert!(stream.is_terminated());
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Suspended);
    let suspension = error.suspension().unwrap();
    assert_eq!(suspension.run.as_str(), "r");
    assert_eq!(suspension.place, events[3].place());
    let expected = Outcome::Suspended(suspension.clone());

    let error = run().await.unwrap_err();
    assert_eq!(error.suspension(), Some(suspension));
    assert_eq!(run().outcome().await.unwrap(), expected);
    assert_eq!(run().stream().outcome().await.unwrap(), expected);
}

#[tokio::test]
async fn an_outcome_is_a_result_or_the_failure_otherwise() {
    let Outcome::Finished(result) = rich().outcome().await.unwrap() else {
        panic!("a finished run is no suspended one")
    };
    assert_eq!(result, rich().await.unwrap());
    let failing = Run::<()>::new("fails", |_| async { Err(broken()) });
    assert_eq!(
        failing.outcome().await.unwrap_err().kind(),
        ErrorKind::Model
    );
}

#[tokio::test]
async fn an_output_that_cannot_be_json_fails_the_run() {
    type Odd = std::collections::HashMap<(u8, u8), u8>;
    let run = Run::<Odd>::new("odd", |_| async { Ok(Odd::from([((1, 2), 3)])) });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    assert_eq!(names(&events), ["run_started", "run_failed"]);
    assert_eq!(stream.await.unwrap_err().kind(), ErrorKind::Value);
}

#[tokio::test]
async fn a_step_cannot_begin_or_end_the_run() {
    let run = Run::new("forward", |ctx| async move {
        ctx.emit(mainstem_core::RunStarted::new("other".into(), "other"))
            .await;
        ctx.emit(mainstem_core::RunFinished::new(
            mainstem_core::Json::null(),
            mainstem_core::Usage::default(),
        ))
        .await;
        Ok(1_u8)
    });
    let kinds: Vec<_> = futures::StreamExt::collect::<Vec<_>>(run.stream())
        .await
        .iter()
        .map(|event| event.kind.name().to_owned())
        .collect();
    assert_eq!(kinds, ["run_started", "run_finished"]);
}

fn asking() -> Run<()> {
    Run::new("asks", |_| async { Err(Error::suspend([request()])) })
}

#[tokio::test]
async fn where_a_run_waits_is_the_runs_to_say_and_not_the_steps() {
    let run = Run::<()>::new("asks", |ctx: RunContext| async move {
        let early = ctx.next_place();
        ctx.emit(text("a")).await;
        let suspension = Suspension::new(ctx.run_id().clone(), early, vec![request()]);
        Err(Error::suspended(suspension))
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    let error = stream.await.unwrap_err();
    assert_eq!(error.suspension().unwrap().place, events[2].place());
}

#[tokio::test]
async fn a_run_inside_of_a_step_that_is_suspended_fails_the_step() {
    let run = Run::<()>::new("outer", |ctx: RunContext| async move {
        ctx.step("ask", "function", |_| async { asking().await.map(|_| ()) })
            .await
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    assert_eq!(
        names(&events),
        ["run_started", "step_started", "step_failed", "run_failed"]
    );
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Step);
    assert!(!error.is_retryable());
    assert_eq!(error.suspension(), None);
    assert_eq!(error.step().unwrap().as_str(), "ask");
    let inner = error.source().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(inner.suspension().unwrap().requests, [request()]);

    // Outside of any step as well.
    let bare = Run::<()>::new("outer", |_| async { asking().await.map(|_| ()) });
    assert_eq!(bare.await.unwrap_err().kind(), ErrorKind::Step);
}
