//! What an early end carries: what was under way then, and nothing that was dealt with before.

use mainstem_core::{
    ErrorKind, Partial, Result, Retracted, Run, RunContext, StepError, StepScope, Usage,
};

use crate::common::broken;

async fn fails_after(ctx: RunContext, said: &'static str) -> Result<String> {
    ctx.record_partial(Partial::new(said, Usage::default(), None));
    Err(broken())
}

/// What the run's error says was under way.
async fn partial_of(run: Run<String>) -> String {
    let error = run.await.unwrap_err();
    error.partial().unwrap().text.to_string()
}

#[tokio::test]
async fn a_failure_that_was_dealt_with_leaves_no_partial() {
    let run = Run::new("r", |ctx| async move {
        let _ = ctx
            .step("first", "agent", |ctx| fails_after(ctx, "old "))
            .await;
        ctx.step("second", "agent", |ctx| fails_after(ctx, "new"))
            .await
    });
    assert_eq!(partial_of(run).await, "new");
}

#[tokio::test]
async fn an_attempt_replaces_the_one_before() {
    let run = Run::new("r", |ctx| async move {
        for attempt in 1..3 {
            let scope = StepScope::new("write", "agent").attempt(attempt);
            let _ = ctx.step_in(scope, |ctx| fails_after(ctx, "again ")).await;
        }
        Err(broken())
    });
    assert_eq!(partial_of(run).await, "again ");
}

#[tokio::test]
async fn a_step_that_finishes_leaves_nothing_of_what_failed_inside() {
    let run = Run::new("r", |ctx| async move {
        ctx.step("outer", "flow", |ctx| async move {
            let _ = ctx
                .step("inner", "agent", |ctx| fails_after(ctx, "old"))
                .await;
            Ok(())
        })
        .await?;
        Err(broken())
    });
    assert_eq!(partial_of(run).await, "");
}

#[tokio::test]
async fn what_is_retracted_is_no_partial() {
    let run = Run::new("r", |ctx| async move {
        let since = ctx.next_place();
        let _ = ctx
            .step("write", "agent", |ctx| fails_after(ctx, "old"))
            .await;
        ctx.emit(Retracted::new(since, "again")).await;
        Err(broken())
    });
    assert_eq!(partial_of(run).await, "");
}

#[tokio::test]
async fn what_a_run_inside_of_a_step_had_delivered_is_kept() {
    let inner = || {
        Run::new(
            "inner",
            |ctx| async move { fails_after(ctx, "inner").await },
        )
    };
    let run = Run::new("r", move |ctx| async move {
        ctx.step(
            "ask",
            "function",
            |_| async move { Ok(inner().await?.output) },
        )
        .await
    });
    assert_eq!(partial_of(run).await, "inner");
}

#[tokio::test]
async fn the_stop_of_another_run_is_a_failure_of_the_step_that_passed_it_on() {
    let run = Run::new("r", |ctx| async move {
        ctx.step("ask", "function", |_| async move {
            let mut inner = Run::<String>::new("inner", |ctx: RunContext| async move {
                ctx.emit(mainstem_core::TextDelta::new("a")).await;
                std::future::pending().await
            })
            .stream();
            inner.next_text().await?;
            inner.stop();
            let passed_on = inner.await.map_err(StepError::from)?;
            Ok(passed_on.output)
        })
        .await
    });
    let error = run.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Step, false)
    );
    assert_eq!(error.step().unwrap().to_string(), "ask");
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the run was stopped");
}
