//! Functions that block.

use std::time::Duration;

use mainstem_core::{ErrorKind, Result, RunContext, StepResult, TextDelta};
use mainstem_flow::{Flow, blocking, named, with};

use crate::common::collect;

#[tokio::test]
async fn a_blocking_step_holds_nobody_up() -> Result<()> {
    let (send, receive) = std::sync::mpsc::channel();
    // The first branch blocks until the second has run, on the same single-threaded runtime.
    let waits = blocking(with(
        std::sync::Arc::new(std::sync::Mutex::new(receive)),
        |receive: std::sync::Arc<std::sync::Mutex<std::sync::mpsc::Receiver<u8>>>, n: u8| {
            let got = receive
                .lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(20));
            got.unwrap() + n
        },
    ));
    let sends = move |n: u8| send.send(n).is_ok();
    let flow = Flow::new("f").parallel("p", (named("waits", waits), named("sends", sends)));
    assert_eq!(flow.run(3u8).await?.output, (6, true));
    Ok(())
}

#[tokio::test]
async fn a_blocking_step_emits_and_fails_like_any_other() -> Result<()> {
    let speaks = blocking(|ctx: RunContext, text: String| -> StepResult<u8> {
        let runtime = tokio::runtime::Handle::current();
        runtime.block_on(ctx.emit(TextDelta::new("from a thread")));
        Ok(text.parse()?)
    });
    let flow = Flow::new("f").step("speaks", speaks);
    let mut run = flow.run_streamed("7");
    assert_eq!(run.next_text().await?.unwrap(), "from a thread");
    assert_eq!(run.await?.output, 7);
    let error = flow.run("x").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Step, true)
    );
    Ok(())
}

#[tokio::test]
async fn a_panic_on_the_thread_is_an_error_of_the_step() {
    let flow = Flow::new("f").step("boom", blocking(|_: u8| -> u8 { panic!("a secret") }));
    let mut run = flow.run_streamed(1u8);
    let events = collect(&mut run).await;
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Step);
    assert_eq!(error.step().unwrap().to_string(), "f/boom");
    assert!(!format!("{error:?} {events:?}").contains("secret"));
}
