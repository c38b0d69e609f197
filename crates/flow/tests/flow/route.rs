//! Branches by a router.

use std::time::Duration;

use mainstem_agent::{Agent, Draft, Evaluation, Judge, Router};
use mainstem_core::{ErrorKind, MemoryStore, Result, test_util::ScriptedModel};
use mainstem_flow::{Flow, by, by_step, fallback, named, retry, time_limit, up_to, weighted, when};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{agent, collect, lines};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Desk {
    Billing,
    Tech,
}

fn router(model: &ScriptedModel) -> Router {
    Agent::builder(model.clone())
        .name("router")
        .routes([("billing", "invoices"), ("tech", "defects")])
        .build()
        .unwrap()
}

fn desk(router: &ScriptedModel, expert: &ScriptedModel) -> Flow<String, String> {
    Flow::new("desk").branch(
        "where",
        by_step(self::router(router))
            .arm("billing", |letter: String| letter.to_uppercase())
            .arm("tech", agent("expert", expert)),
    )
}

#[tokio::test]
async fn the_arm_is_where_the_router_sends_it() -> Result<()> {
    let asked = ScriptedModel::new().answer([r#"{"to": "#, r#""tech"}"#]);
    let expert = ScriptedModel::new().answer(["Plug ", "it in."]);
    let flow = desk(&asked, &expert);
    flow.check()?;
    let events = collect(&mut flow.run_streamed("It is dark.")).await;
    assert_eq!(
        lines(&events),
        [
            "desk starts flow",
            "desk/where starts branch",
            "desk/where/router starts router",
            "desk/where/router/agent starts agent",
            r#"desk/where/router/agent gives {"to":"tech"}"#,
            r#"desk/where/router decides route: route {"to":"tech"}"#,
            r#"desk/where/router gives "tech""#,
            r#"desk/where decides arm: route "tech""#,
            "desk/where/tech starts agent",
            "desk/where/tech says Plug ",
            "desk/where/tech says it in.",
            r#"desk/where/tech gives "Plug it in.""#,
            r#"desk/where gives "Plug it in.""#,
            r#"desk gives "Plug it in.""#,
            r#"run gives "Plug it in.""#,
        ]
    );
    Ok(())
}

#[tokio::test]
async fn wherever_it_is_cut_the_arm_stays_what_it_was() -> Result<()> {
    let whole = {
        let models = [
            ScriptedModel::new().answer([r#"{"to": "tech"}"#]),
            ScriptedModel::new().answer(["So."]),
        ];
        collect(&mut desk(&models[0], &models[1]).run_streamed("Hm.")).await
    };
    let decided = |event: &mainstem_core::Event| {
        lines(std::slice::from_ref(event))[0].contains("router decides")
    };
    let at = whole
        .iter()
        .position(|event| !lines(std::slice::from_ref(event)).is_empty() && decided(event));
    let at = at.unwrap();
    for cut in 1..whole.len() {
        let store = MemoryStore::new();
        let first = ScriptedModel::new().answer([r#"{"to": "tech"}"#]);
        let expert = ScriptedModel::new().always(["So."]);
        let mut run = desk(&first, &expert)
            .run("Hm.")
            .store(store.clone())
            .stream();
        for _ in 0..cut {
            run.next_event().await.unwrap();
        }
        let id = run.id().clone();
        drop(run);
        // Who is asked again says something else.
        let second = ScriptedModel::new().answer([r#"{"to": "billing"}"#]);
        let flow = desk(&second, &expert);
        let output = flow.resume(&id).store(store).await?.output;
        // Once it was shown, it stands.
        if cut > at {
            assert_eq!(output, "So.", "cut after {cut}");
            assert!(second.requests().is_empty(), "cut after {cut}");
        }
        let is_second = !second.requests().is_empty();
        assert_eq!(
            output,
            if is_second { "HM." } else { "So." },
            "cut after {cut}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_no_destination_takes_no_arm() {
    let asked = ScriptedModel::new().answer([r#"{"to": "sales"}"#]);
    let flow = Flow::new("desk").branch(
        "where",
        by_step(router(&asked)).otherwise(|letter: String| letter),
    );
    let events = collect(&mut flow.run_streamed("Hm.")).await;
    let lines = lines(&events);
    assert!(lines.contains(&"run fails output".to_owned()), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.contains("decides")),
        "{lines:?}"
    );
}

#[test]
fn a_destination_without_an_arm_is_found_before_anything_runs() {
    let model = ScriptedModel::new();
    let one = |flow: Flow<String>| flow.check().unwrap_err();
    let missing = || by_step(router(&model)).arm("tech", |letter: String| letter);
    let error = one(Flow::new("desk").branch("where", missing()));
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "step `desk/where`: the branch has no arm for `billing`, which `router` can give; add one, or one \
         for all others by `otherwise(step)`"
    );
    let rest = missing().otherwise(|letter: String| letter);
    assert!(Flow::new("desk").branch("where", rest).check().is_ok());
    let typo = missing()
        .arm("biling", |letter: String| letter)
        .otherwise(|letter: String| letter);
    let error = one(Flow::new("desk").branch("where", typo));
    assert_eq!(
        error.to_string(),
        "step `desk/where/biling`: `router` never gives what this arm is for; it gives one of `billing`, \
         `tech`"
    );
}

#[test]
fn of_a_typed_router_and_a_typed_agent_too() -> Result<()> {
    let agent = || Agent::builder(ScriptedModel::new()).name("typed");
    let whole = by_step(agent().route::<Desk>().build()?)
        .arm(Desk::Billing, |letter: String| letter)
        .arm(Desk::Tech, |letter: String| letter);
    Flow::new("desk").branch("where", whole).check()?;
    let by_router = by_step(named("r", agent().route::<Desk>().build()?));
    let by_agent = by_step(named("r", agent().output::<Desk>().build()?));
    for flow in [
        Flow::new("desk").branch("where", by_router.arm(Desk::Tech, |letter: String| letter)),
        Flow::new("desk").branch("where", by_agent.arm(Desk::Tech, |letter: String| letter)),
    ] {
        let error = flow.check().unwrap_err();
        let expected = "the branch has no arm for `billing`, which `r` can give";
        assert!(error.message().starts_with(expected), "{error}");
    }
    Ok(())
}

/// What is around a router doesn't hide which words it gives.
#[test]
fn a_missing_arm_is_found_through_whatever_is_around_the_router() -> Result<()> {
    let asked = ScriptedModel::new();
    let router = || router(&asked);
    let second = Duration::from_secs(1);
    let inner = Flow::<String>::new("r").step("route", router());
    let again = Flow::<String>::new("r").repeat(
        "route",
        up_to(2, router()).until(|to: &String| to == "tech"),
    );
    let race = Flow::<String>::new("r").race("route", (named("a", router()), named("b", router())));
    let nested = by(|letter: &String| letter.len())
        .arm(1, router())
        .otherwise(named("other", router()));
    let nested = Flow::<String>::new("r").branch("route", nested);
    let routed = by_step(router())
        .arm("billing", router())
        .arm("tech", router());
    let routed = Flow::<String>::new("r").branch("route", routed);
    let judged = Agent::builder(asked.clone()).output::<Desk>().build()?;
    let judged = judged.evaluated_by(Judge::function("j", async |_: Draft<Desk>| {
        Ok(Evaluation::new(100.0))
    }));
    let letter = |letter: &String| letter.clone();

    let flow = || Flow::<String>::new("desk");
    let same = |letter: String| letter;
    for (around, flow) in [
        (
            "retry",
            flow().branch("to", by_step(retry(2, router())).arm("tech", same)),
        ),
        (
            "fallback",
            flow().branch(
                "to",
                by_step(fallback(router(), router())).arm("tech", same),
            ),
        ),
        (
            "time_limit",
            flow().branch(
                "to",
                by_step(time_limit(second, router())).arm("tech", same),
            ),
        ),
        (
            "weighted",
            flow().branch("to", by_step(weighted(2, router())).arm("tech", same)),
        ),
        (
            "prompt",
            flow().branch("to", by_step(router().prompt(letter)).arm("tech", same)),
        ),
        (
            "all of them",
            flow().branch(
                "to",
                by_step(weighted(
                    2,
                    time_limit(second, retry(2, named("r", router()))),
                ))
                .arm("tech", same),
            ),
        ),
        (
            "flow",
            flow().branch("to", by_step(inner).arm("tech", same)),
        ),
        (
            "repeat",
            flow().branch("to", by_step(again).arm("tech", same)),
        ),
        ("race", flow().branch("to", by_step(race).arm("tech", same))),
        (
            "branch",
            flow().branch("to", by_step(nested).arm("tech", same)),
        ),
        (
            "by_step",
            flow().branch("to", by_step(routed).arm("tech", same)),
        ),
        (
            "evaluated_by",
            flow().branch("to", by_step(judged).arm(Desk::Tech, same)),
        ),
    ] {
        let error = flow.check().map_err(|error| error.to_string());
        let error = error.expect_err(around);
        let expected = "step `desk/to`: the branch has no arm for `billing`, which `";
        assert!(error.starts_with(expected), "{around}: {error}");
    }
    Ok(())
}

/// These may give another word than the router's: what the condition holds of not, and what the other step
/// gives.
#[test]
fn arms_for_words_that_others_may_give_are_left_alone() -> Result<()> {
    let asked = ScriptedModel::new();
    let same = |letter: String| letter;
    let flow = || Flow::<String>::new("desk");
    let maybe = when(|letter: &String| letter.len() > 3, router(&asked));
    flow()
        .branch("to", by_step(maybe).arm("hm", same))
        .check()?;
    let other = fallback(router(&asked), same);
    flow().branch("to", by_step(other).arm("hm", same)).check()
}
