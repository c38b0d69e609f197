//! Steps in a row: rows R6, R7 and R10.

use std::{collections::BTreeMap, sync::Arc};

use mainstem_core::{
    ErrorKind, Result, RunContext, StepError, StepResult, test_util::ScriptedModel,
};
use mainstem_flow::{Flow, with};
use serde::{Deserialize, Serialize};

use crate::common::{agent, collect, lines};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Analysis {
    topic: String,
    words: usize,
}

fn analyze(text: String) -> Analysis {
    Analysis {
        words: text.split_whitespace().count(),
        topic: text,
    }
}

async fn longest(_ctx: RunContext, analysis: Analysis) -> StepResult<String> {
    let words = analysis.topic.split_whitespace();
    let longest = words.max_by_key(|word| word.len());
    Ok(longest.ok_or("there are no words")?.to_owned())
}

#[tokio::test]
async fn r6_r8_functions_and_agents_in_a_row_are_one_flow_and_one_stream() -> Result<()> {
    let model = ScriptedModel::new().answer(["Jays ", "are blue."]);
    let flow = Flow::new("guide")
        .step("analyze", analyze)
        .step("longest", longest)
        .step("write", agent("writer", &model))
        .step("length", |text: String| text.len());

    let mut run = flow.run_streamed("why are jays so blue");
    let events = collect(&mut run).await;
    assert_eq!(
        lines(&events),
        [
            "guide starts flow",
            "guide/analyze starts function",
            r#"guide/analyze gives {"topic":"why are jays so blue","words":5}"#,
            "guide/longest starts function",
            r#"guide/longest gives "blue""#,
            "guide/write starts agent",
            "guide/write says Jays ",
            "guide/write says are blue.",
            r#"guide/write gives "Jays are blue.""#,
            "guide/length starts function",
            "guide/length gives 14",
            "guide gives 14",
            "run gives 14",
        ]
    );
    let result = run.await?;
    assert_eq!(result.output, 14);
    assert_eq!(result.usage.output_tokens, 2);
    Ok(())
}

#[tokio::test]
async fn r7_functions_give_plain_values_and_may_fail_wait_or_need_something() -> Result<()> {
    let prices = Arc::new(BTreeMap::from([("jay".to_owned(), 7u32)]));
    let factor = 3;
    let flow = Flow::new("price")
        .step("plain", |name: String| name.trim().to_owned())
        .step("seen", |ctx: RunContext, name: String| {
            assert_eq!(ctx.path().to_string(), "price/seen");
            name
        })
        .step(
            "async",
            with(
                Arc::clone(&prices),
                async |prices: Arc<BTreeMap<String, u32>>, name: String| {
                    let price = prices.get(&name).copied();
                    price.ok_or_else(|| StepError::terminal("no such bird"))
                },
            ),
        )
        .step("capturing", move |price: u32| price * factor)
        .step("fallible", |price: u32| -> StepResult<u8> {
            Ok(u8::try_from(price)?)
        })
        .step(
            "both",
            with(
                prices,
                async |ctx: RunContext, prices: Arc<BTreeMap<String, u32>>, price: u8| {
                    Ok((ctx.path().to_string(), prices.len(), Some(price)))
                },
            ),
        );
    let output = flow.run(" jay ").await?.output;
    assert_eq!(output, ("price/both".to_owned(), 1, Some(21)));
    let error = flow.run("wren").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Step);
    assert!(!error.is_retryable());
    Ok(())
}

#[tokio::test]
async fn r10_each_step_gets_what_the_one_before_gave() -> Result<()> {
    let model = ScriptedModel::new().answer(["a draft"]).answer(["a text"]);
    let flow = Flow::new("write")
        .step("draft", agent("drafter", &model))
        .step("edit", agent("editor", &model));
    assert_eq!(flow.run("jays").await?.output, "a text");
    let prompts: Vec<_> = model
        .requests()
        .iter()
        .map(|request| request.messages.last().unwrap().text())
        .collect();
    assert_eq!(prompts, ["jays", "a draft"]);
    Ok(())
}

#[tokio::test]
async fn an_agent_takes_any_value_by_a_prompt() -> Result<()> {
    let model = ScriptedModel::new().answer(["ok"]);
    let flow = Flow::new("guide").step("analyze", analyze).step(
        "write",
        agent("writer", &model).prompt(|a: &Analysis| format!("{} words on {}", a.words, a.topic)),
    );
    assert_eq!(flow.run("jays").await?.output, "ok");
    assert_eq!(model.requests()[0].messages[0].text(), "1 words on jays");
    Ok(())
}

#[tokio::test]
async fn a_flow_without_steps_gives_its_input() -> Result<()> {
    assert_eq!(Flow::<String>::new("same").run("jay").await?.output, "jay");
    Ok(())
}

#[tokio::test]
async fn a_flow_is_shared_and_a_run_of_it_is_a_run_of_its_own() -> Result<()> {
    let flow = Flow::new("shared").step("double", |n: u32| n * 2);
    let runs = (0..100).map(|n: u32| flow.run(n).into_future());
    let results = futures::future::try_join_all(runs).await?;
    for (n, result) in (0..).zip(results) {
        assert_eq!(result.output, n * 2);
    }
    Ok(())
}

#[tokio::test]
async fn the_run_starts_with_its_input() -> Result<()> {
    let flow = Flow::new("f").step("same", |a: Analysis| a);
    let mut run = flow.run_streamed(analyze("a b".into()));
    let events = collect(&mut run).await;
    let mainstem_core::EventKind::RunStarted(started) = &events[0].kind else {
        panic!("{:?}", events[0]);
    };
    let input = started.input.as_ref().unwrap();
    assert_eq!(input.as_str(), r#"{"topic":"a b","words":2}"#);
    Ok(())
}

#[tokio::test]
async fn ten_thousand_steps_are_not_too_many() -> Result<()> {
    let flow = (0..10_000).fold(Flow::<u32>::new("f"), |flow, step| {
        flow.step(format!("step {step}"), |n: u32| n + 1)
    });
    assert_eq!(flow.run(0u32).await?.output, 10_000);
    Ok(())
}
