//! Steps that are done only if a condition holds.

use mainstem_core::{Result, StepResult};
use mainstem_flow::{Flow, named, when};

use crate::common::{asked, asks, both_ways, lines};

fn post() -> Flow<String> {
    let shorten = named("shorten", |text: String| text[..3].to_owned());
    Flow::<String>::new("post").step("maybe", when(|text: &String| text.len() > 3, shorten))
}

#[tokio::test]
async fn a_step_whose_condition_holds_is_done() -> Result<()> {
    let (events, output) = both_ways(&post(), "wren".to_owned()).await?;
    assert_eq!(output, "wre");
    assert_eq!(
        lines(&events)[1..6],
        [
            "post/maybe starts when",
            "post/maybe decides holds: branch true",
            "post/maybe/shorten starts function",
            r#"post/maybe/shorten gives "wre""#,
            r#"post/maybe gives "wre""#,
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_step_whose_condition_doesnt_hold_is_skipped_and_the_value_goes_on() -> Result<()> {
    let (events, output) = both_ways(&post(), "jay".to_owned()).await?;
    assert_eq!(output, "jay");
    assert_eq!(
        lines(&events)[1..5],
        [
            "post/maybe starts when",
            "post/maybe decides holds: branch false",
            "post/maybe/shorten is skipped: its condition doesn't hold",
            r#"post/maybe gives "jay""#,
        ]
    );
    Ok(())
}

#[tokio::test]
async fn its_failure_and_its_suspension_pass() {
    let fails = |_: u8| -> StepResult<u8> { Err("no".into()) };
    let flow = Flow::<u8>::new("f").step("w", when(|_: &u8| true, fails));
    let error = flow.run(1u8).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/w/function");
    let flow = Flow::<u8>::new("f").step("w", when(|_: &u8| true, asks::<u8>("ok")));
    assert_eq!(asked(&flow.run(1u8).await.unwrap_err()), ["ok"]);
}
