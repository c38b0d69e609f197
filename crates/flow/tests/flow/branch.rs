//! Branches: one of several steps, by a key.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mainstem_core::{ErrorKind, Result, StepResult, test_util::ScriptedModel};
use mainstem_flow::{Flow, by, by_step, by_value, named, with};
use serde::{Deserialize, Serialize};

use crate::common::{agent, asked, asks, both_ways, collect, lines};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Bug,
    Question,
    Praise,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ticket {
    kind: Kind,
    text: String,
}

fn ticket(kind: Kind) -> Ticket {
    Ticket {
        kind,
        text: "it rains".to_owned(),
    }
}

fn desk() -> Flow<Ticket, String> {
    Flow::<Ticket>::new("desk").branch(
        "route",
        by(|ticket: &Ticket| ticket.kind)
            .arm(Kind::Bug, |ticket: Ticket| ticket.text.to_uppercase())
            .arm(Kind::Question, async |ticket: Ticket| {
                Ok(format!("{}?", ticket.text))
            }),
    )
}

#[tokio::test]
async fn a_branch_takes_the_arm_of_its_key() -> Result<()> {
    let (events, output) = both_ways(&desk(), ticket(Kind::Bug)).await?;
    assert_eq!(
        lines(&events),
        [
            "desk starts flow",
            "desk/route starts branch",
            r#"desk/route decides arm: branch "bug""#,
            "desk/route/bug starts function",
            r#"desk/route/bug gives "IT RAINS""#,
            r#"desk/route gives "IT RAINS""#,
            r#"desk gives "IT RAINS""#,
            r#"run gives "IT RAINS""#,
        ]
    );
    assert_eq!(output, "IT RAINS");
    let (_, output) = both_ways(&desk(), ticket(Kind::Question)).await?;
    assert_eq!(output, "it rains?");
    Ok(())
}

#[tokio::test]
async fn an_input_that_chooses_no_arm_is_an_error_that_names_the_arms() {
    let error = desk().run(ticket(Kind::Praise)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(
        error.to_string(),
        "step `desk/route`: the input chooses none of the arms `bug`, `question`; add one for it, \
         or one for all others by `otherwise(step)`"
    );
}

#[tokio::test]
async fn otherwise_takes_what_no_arm_takes_wherever_it_stands() -> Result<()> {
    let flow = Flow::<u8>::new("f").branch(
        "b",
        by_value()
            .otherwise(|n: u8| format!("{n} others"))
            .arm(3, |_: u8| "three".to_owned()),
    );
    assert_eq!(both_ways(&flow, 3u8).await?.1, "three");
    let (events, output) = both_ways(&flow, 4u8).await?;
    assert_eq!(output, "4 others");
    let lines = lines(&events);
    assert!(lines.contains(&"f/b/otherwise starts function".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_routing_step_chooses_and_is_called_once() -> Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let router = with(
        Arc::clone(&calls),
        async |calls: Arc<AtomicUsize>, text: String| {
            calls.fetch_add(1, Ordering::SeqCst);
            Ok(text.len() > 3)
        },
    );
    let model = ScriptedModel::new().answer(["short"]);
    let flow = Flow::<String>::new("f").branch(
        "route",
        by_step(named("router", router))
            .arm(true, |text: String| text)
            .arm(false, agent("writer", &model)),
    );
    let events = collect(&mut flow.run_streamed("jay")).await;
    assert_eq!(
        lines(&events)[1..8],
        [
            "f/route starts branch",
            "f/route/router starts function",
            "f/route/router gives false",
            r#"f/route decides arm: route "false""#,
            "f/route/false starts agent",
            "f/route/false says short",
            r#"f/route/false gives "short""#,
        ]
    );
    assert_eq!(flow.run("wren").await?.output, "wren");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    Ok(())
}

#[tokio::test]
async fn a_branch_nests_in_an_arm() -> Result<()> {
    let inner = by(|n: &i64| n % 2 == 0)
        .arm(true, |n: i64| format!("{n} even"))
        .arm(false, |n: i64| format!("{n} odd"));
    let flow = Flow::<i64>::new("f").branch(
        "sign",
        by(|n: &i64| n.signum()).arm(1, inner).arm(
            -1,
            Flow::<i64>::new("minus").step("tell", |n: i64| format!("minus {}", -n)),
        ),
    );
    let (events, output) = both_ways(&flow, 7i64).await?;
    assert_eq!(output, "7 odd");
    assert!(lines(&events).contains(&"f/sign/1/false starts function".to_owned()));
    let (events, _) = both_ways(&flow, -7i64).await?;
    assert!(lines(&events).contains(&"f/sign/-1/tell starts function".to_owned()));
    Ok(())
}

#[tokio::test]
async fn an_arms_failure_and_its_suspension_are_the_branchs() {
    let flow = Flow::<bool>::new("f").branch(
        "b",
        by_value()
            .arm(true, |_: bool| -> StepResult<u8> { Err("no".into()) })
            .arm(false, |_: bool| asks("ok")(0)),
    );
    let error = flow.run(true).await.unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/b/true");
    let error = flow.run(false).await.unwrap_err();
    assert_eq!(asked(&error), ["ok"]);
}

#[test]
fn what_is_wrong_with_a_branch_is_found_before_anything_runs() {
    let flow = Flow::<u8>::new("f").branch::<u8, u8>("b", by_value());
    let error = flow.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "step `f/b`: the branch has no arms; add them by `arm(key, step)`"
    );

    let twice = || by_value().arm(1, |n: u8| n).arm(1, |n: u8| n + 1);
    let flow = Flow::<u8>::new("f").branch("b", twice());
    let error = flow.check().unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/b/1");
    assert!(error.message().contains("two steps named `1`"), "{error}");

    let outer = Flow::<u8>::new("outer").branch(
        "in",
        by_value().arm(2, Flow::<u8>::new("x").branch("b", twice())),
    );
    let error = outer.check().unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "outer/in/2/b/1");
}

#[test]
fn a_routing_step_may_not_be_called_like_an_arm() {
    let flow = Flow::<u8>::new("f").branch(
        "b",
        by_step(named("true", |n: u8| n > 3)).arm(true, |n: u8| n),
    );
    let error = flow.check().unwrap_err();
    assert!(error.message().contains("named `true`"), "{error}");
}
