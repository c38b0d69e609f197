//! Routers: where an input goes.
#![allow(clippy::unwrap_used, clippy::panic)]

use futures::StreamExt;
use mainstem_agent::{Agent, OutputAttempts, Router, Template};
use mainstem_core::{
    Context, DecisionKind, ErrorKind, Event, EventKind, MemoryStore, Message, Result, Run,
    test_util::ScriptedModel,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Desk {
    /// Invoices and refunds.
    Billing,
    Tech,
}

fn desk(model: &ScriptedModel) -> Router {
    Agent::builder(model.clone())
        .name("desk")
        .instructions("Who answers?")
        .routes([("billing", "invoices"), ("tech", "")])
        .build()
        .unwrap()
}

fn decided(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match &event.kind {
        EventKind::Decided(decided) => {
            assert_eq!(decided.what, DecisionKind::Route);
            Some(format!(
                "{} {} {}",
                event.path,
                decided.key,
                decided.value.as_str()
            ))
        }
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

#[tokio::test]
async fn the_model_is_told_the_destinations_and_held_to_them() -> Result<()> {
    let model = ScriptedModel::new().answer([r#"{"to": "tech"}"#]);
    assert_eq!(desk(&model).run("It is broken.").await?.output, "tech");
    let request = &model.requests()[0];
    let told = request.instructions.as_ref().unwrap();
    assert!(told.starts_with("Who answers?\n\n"), "{told}");
    assert!(told.ends_with("\n- billing: invoices\n- tech"), "{told}");
    let schema = request.output.as_ref().unwrap().schema.as_value();
    assert_eq!(
        schema["properties"]["to"]["enum"],
        json!(["billing", "tech"])
    );
    assert_eq!(schema["required"], json!(["to"]));
    Ok(())
}

#[tokio::test]
async fn what_is_decided_is_an_event_and_no_text() -> Result<()> {
    let answers = || ScriptedModel::new().answer([r#"{"to": "#, r#""billing"}"#]);
    let mut run = desk(&answers()).run_streamed("Twice!");
    assert_eq!(run.next_text().await?, None);
    assert_eq!(run.await?.output, "billing");
    let events: Vec<_> = desk(&answers()).run_streamed("Twice!").collect().await;
    assert_eq!(decided(&events), [r#"desk route {"to":"billing"}"#]);
    let is_json = |event: &Event| matches!(event.kind, EventKind::JsonDelta(_));
    assert!(!events.iter().any(is_json));
    Ok(())
}

#[tokio::test]
async fn a_reason_comes_before_the_choice_and_is_recorded() -> Result<()> {
    let answer = r#"{"reason": "It is about money.", "to": "billing"}"#;
    let model = ScriptedModel::new().answer([answer]);
    let router = Agent::builder(model.clone())
        .route::<Desk>()
        .reasoned()
        .build()?;
    let mut run = router.run_streamed("Twice!");
    let mut events = Vec::new();
    while let Some(event) = run.next_event().await {
        events.push(event);
    }
    assert_eq!(run.await?.output, Desk::Billing);
    let expected = r#"agent route {"reason":"It is about money.","to":"billing"}"#;
    assert_eq!(decided(&events), [expected]);
    let schema = model.requests()[0].output.as_ref().unwrap().schema.clone();
    let fields: Vec<_> = schema.as_value()["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(fields, ["reason", "to"]);
    Ok(())
}

#[tokio::test]
async fn another_destination_is_another_attempt_and_then_an_error() -> Result<()> {
    let wrong = || ScriptedModel::new().answer([r#"{"to": "sales"}"#]);
    let router = |model: &ScriptedModel, attempts| {
        let agent = Agent::builder(model.clone()).output_attempts(attempts);
        agent.routes([("billing", ""), ("tech", "")]).build()
    };
    let model = wrong().answer([r#"{"to": "tech"}"#]);
    assert_eq!(router(&model, 2)?.run("Hm.").await?.output, "tech");
    for (model, attempts) in [(wrong(), 1), (wrong().answer(["tech"]), 2)] {
        let mut run = router(&model, attempts)?.run_streamed("Hm.");
        let mut events = Vec::new();
        while let Some(event) = run.next_event().await {
            events.push(event);
        }
        let error = run.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Output);
        let made = OutputAttempts::of(&error).unwrap().attempts().len();
        assert_eq!(made, attempts as usize);
        assert!(decided(&events).is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn it_reads_the_conversation_and_adds_nothing_to_it() -> Result<()> {
    let model = ScriptedModel::new().answer([r#"{"to": "tech"}"#]);
    let ctx = Context::new();
    ctx.add_user_message("My printer.");
    ctx.add_message(Message::assistant("What about it?"));
    desk(&model).run("It is broken.").context(&ctx).await?;
    assert_eq!(model.requests()[0].messages.len(), 3);
    assert_eq!(ctx.messages().len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_was_decided_isnt_asked_again() -> Result<()> {
    let store = MemoryStore::new();
    let model = ScriptedModel::new().answer([r#"{"to": "tech"}"#]);
    let mut run = desk(&model)
        .run("It is broken.")
        .store(store.clone())
        .stream();
    // The process dies when the decision is in the log, before the step has ended.
    while let Some(event) = run.next_event().await {
        if matches!(event.kind, EventKind::Decided(_)) {
            break;
        }
    }
    let id = run.id().clone();
    drop(run);
    let nobody = ScriptedModel::new();
    let result = desk(&nobody).resume(&id).store(store).await?;
    assert_eq!(result.output, "tech");
    assert!(nobody.requests().is_empty());
    Ok(())
}

#[test]
fn what_cant_be_a_router_is_refused() {
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    enum Renamed {
        #[serde(rename = "a")]
        #[schemars(rename = "b")]
        A,
    }
    let agent = || Agent::builder(ScriptedModel::new());
    let none: [(&str, &str); 0] = [];
    for (error, message) in [
        (
            agent().routes(none).build().err(),
            "a router needs destinations",
        ),
        (
            agent().routes([("a", ""), ("a", "")]).build().err(),
            "two destinations `a`",
        ),
        (agent().routes([(" ", "")]).build().err(), "without a name"),
        (
            agent().route::<String>().build().err(),
            "can't say where something goes",
        ),
        (
            agent().route::<Option<Desk>>().build().err(),
            "can't say where something goes",
        ),
        (agent().route::<Renamed>().build().err(), "by another name"),
        (
            agent().name("").routes([("a", "")]).build().err(),
            "needs a name",
        ),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(message), "{error}");
    }
}

#[tokio::test]
async fn it_takes_other_things_by_a_prompt_or_a_template() -> Result<()> {
    let model = ScriptedModel::new()
        .answer([r#"{"to": "tech"}"#])
        .answer([r#"{"to": "tech"}"#]);
    let router = desk(&model);
    let by_function = router.prompt(|letter: &(String, u8)| letter.0.clone());
    assert_eq!(
        Run::of(by_function, ("A".to_owned(), 1)).await?.output,
        "tech"
    );
    let by_template = router.template(Template::new("<{{text}}>")?);
    assert_eq!(
        Run::of(by_template, json!({"text": "B"})).await?.output,
        "tech"
    );
    let asked: Vec<_> = model
        .requests()
        .iter()
        .map(|asked| asked.messages[0].text())
        .collect();
    assert_eq!(asked, ["A", "<B>"]);
    Ok(())
}
