//! A panic is a failure of the run, with an end like any other.

use mainstem_core::{Context, ErrorKind, MemoryStore, Partial, Run, RunContext, Usage};

use crate::common::{collect, log_of, names, panic_quietly, read_ready, text};

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

#[tokio::test]
async fn the_log_has_its_end_and_the_context_is_free_again() {
    let (store, context) = (MemoryStore::new(), Context::new());
    let run = Run::new("r", boom).id("r").store(store.clone());
    let events = collect(&mut run.context(&context).stream()).await;
    assert_eq!(log_of(&store, &"r".into()).await, events);
    let next = Run::new("next", |_| async { Ok(1) }).context(&context);
    assert_eq!(next.await.unwrap().output, 1);
}

/// Panics when it is dropped, unless that is for another panic.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_quietly();
        }
    }
}

#[tokio::test]
async fn a_destructor_that_panics_harms_neither_who_stops_nor_who_reads() {
    let run = || {
        Run::<()>::new("r", |_| async {
            let _bomb = Bomb;
            std::future::pending().await
        })
    };
    let mut stream = run().stream();
    read_ready(&mut stream);
    stream.stop();
    assert_eq!(names(&read_ready(&mut stream)), ["run_cancelled"]);

    let mut stream = run().stream();
    read_ready(&mut stream);
    drop(stream);
}
