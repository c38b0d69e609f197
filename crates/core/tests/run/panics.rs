//! A panic is a failure of the run, with an end like any other.

use mainstem_core::{ErrorKind, Partial, Run, RunContext, Usage};

use crate::common::{collect, names, text};

async fn boom(ctx: RunContext) -> mainstem_core::Result<String> {
    ctx.emit(text("half")).await;
    ctx.record_partial(Partial::new("half", Usage::default(), None));
    panic!("a secret");
}

#[tokio::test]
async fn a_panic_in_a_step_fails_the_step_and_the_run() {
    let run = Run::new("r", |ctx| async move {
        ctx.step("boom", "function", boom).await
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    assert_eq!(
        names(&events),
        [
            "run_started",
            "step_started",
            "text_delta",
            "step_failed",
            "run_failed"
        ]
    );
    let error = stream.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Step, false)
    );
    assert_eq!(error.step().unwrap().to_string(), "boom");
    assert_eq!(error.partial().unwrap().text, "half");
    assert!(!format!("{error:?} {error} {events:?}").contains("secret"));
}

#[tokio::test]
async fn a_panic_outside_of_steps_fails_the_run() {
    let mut stream = Run::new("r", boom).stream();
    let events = collect(&mut stream).await;
    assert_eq!(names(&events), ["run_started", "text_delta", "run_failed"]);
    assert_eq!(stream.await.unwrap_err().kind(), ErrorKind::Step);
}

#[tokio::test]
async fn a_panic_before_the_first_await_is_one_too() {
    let run = Run::<u8>::new("r", |ctx| async move {
        let sudden =
            |_: RunContext| -> std::future::Ready<mainstem_core::Result<u8>> { panic!("at once") };
        ctx.step("boom", "function", sudden).await
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "boom");
}

#[tokio::test]
async fn whoever_deals_with_it_goes_on() {
    let run = Run::new("r", |ctx| async move {
        let lost = ctx.step("boom", "function", boom).await;
        assert_eq!(lost.unwrap_err().kind(), ErrorKind::Step);
        ctx.step("after", "function", |_| async { Ok(7) }).await
    });
    assert_eq!(run.await.unwrap().output, 7);
}
