//! Steps that may fail.

use mainstem_core::{Context, ErrorKind, Key, Result, RunContext, StepResult, TextDelta};
use mainstem_flow::{Flow, named, optional};

use crate::common::{asked, asks, both_ways, lines};

const SEEN: Key<u8> = Key::new("seen");

async fn even(ctx: RunContext, n: u8) -> StepResult<u8> {
    ctx.context().set(&SEEN, &n)?;
    ctx.emit(TextDelta::new("hm")).await;
    if n % 2 == 1 {
        return Err("it is odd".into());
    }
    Ok(n / 2)
}

fn half() -> Flow<u8, Option<u8>> {
    Flow::<u8>::new("f").step("half", optional(even))
}

#[tokio::test]
async fn what_it_gives_is_there_and_what_it_wrote() -> Result<()> {
    let (events, output) = both_ways(&half(), 6).await?;
    assert_eq!(output, Some(3));
    assert_eq!(
        lines(&events)[1..6],
        [
            "f/half starts optional",
            "f/half/even starts function",
            "f/half/even says hm",
            "f/half/even gives 3",
            "f/half gives 3",
        ]
    );
    let ctx = Context::new();
    half().run(6u8).context(&ctx).await?;
    assert_eq!(ctx.get(&SEEN)?, Some(6));
    Ok(())
}

#[tokio::test]
async fn a_failure_is_shown_and_the_run_goes_on_without_it() -> Result<()> {
    let (events, output) = both_ways(&half(), 5).await?;
    assert_eq!(output, None);
    assert_eq!(
        lines(&events)[1..6],
        [
            "f/half starts optional",
            "f/half/even starts function",
            "f/half/even says hm",
            "f/half/even fails step",
            "f/half gives null",
        ]
    );
    let ctx = Context::new();
    half().run(5u8).context(&ctx).await?;
    assert_eq!(ctx.get(&SEEN)?, None);
    Ok(())
}

#[tokio::test]
async fn a_suspension_is_no_failure() {
    let flow = Flow::<u8>::new("f").step("o", optional(named("ask", asks::<u8>("ok"))));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(asked(&error), ["ok"]);
}

#[tokio::test]
async fn what_is_wrong_inside_is_no_failure_either() {
    let twice = Flow::<u8>::new("in")
        .step("a", |n: u8| n)
        .step("a", |n: u8| n);
    let flow = Flow::<u8>::new("f").step("o", optional(twice));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.step().unwrap().to_string(), "f/o/in/a");
}
