//! Calls that a person must approve.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mainstem_agent::{Agent, ToolExt, tool_fn};
use mainstem_core::{
    Context, MemoryStore, Outcome, Question, Result, Role, RunContext, StepResult, Suspension,
    function::with, test_util::ScriptedModel,
};
use serde_json::json;

use crate::{Add, add, shape, told};

/// Pays, and counts how often.
fn payer(model: ScriptedModel, paid: &Arc<AtomicU32>) -> Agent {
    let pay = with(Arc::clone(paid), async |paid: Arc<AtomicU32>, bill: Add| {
        paid.fetch_add(1, Ordering::SeqCst);
        Ok(format!("paid {}", bill.a))
    });
    let pay = tool_fn("pay", "Pays.", pay)
        .approve_if(|bill: &Add| (bill.a > 10).then(|| format!("Pay {}?", bill.a).into()));
    Agent::builder(model)
        .name("clerk")
        .tool(pay)
        .tool(add())
        .build()
        .unwrap()
}

fn pay(a: i64) -> (&'static str, serde_json::Value) {
    ("pay", json!({"a": a, "b": 0}))
}

async fn suspended(outcome: Outcome<String>) -> Suspension {
    outcome.suspended().unwrap()
}

#[tokio::test]
async fn all_that_wait_are_asked_at_once_and_the_rest_is_done() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([pay(70), ("add", json!({"a": 1, "b": 1})), pay(80), pay(5)])
        .answer(["Done."]);
    let paid = Arc::default();
    let agent = payer(model.clone(), &paid);
    let (store, ctx) = (MemoryStore::new(), Context::new());
    let run = agent
        .run("Pay my bills.")
        .store(store.clone())
        .context(&ctx);
    let asked = suspended(run.outcome().await?).await;
    let requests: Vec<_> = asked
        .requests
        .iter()
        .map(|it| (&*it.id, &*it.prompt))
        .collect();
    assert_eq!(
        requests,
        [("pay[0]/approve", "Pay 70?"), ("pay[2]/approve", "Pay 80?")]
    );
    // What needs no approval is paid.
    assert_eq!(paid.load(Ordering::SeqCst), 1);
    assert!(ctx.messages().is_empty());

    // One of them is answered: the other one is asked again, and nothing is done twice.
    let one = asked.answer("pay[0]/approve", &true)?;
    let run = agent.resume(one).store(store.clone()).context(&ctx);
    let asked = suspended(run.outcome().await?).await;
    assert_eq!(asked.requests.len(), 1);
    assert_eq!(paid.load(Ordering::SeqCst), 2);

    let both = asked.refuse("pay[2]/approve", "that bill is wrong")?;
    let result = agent
        .resume(both)
        .store(store.clone())
        .context(&ctx)
        .await?;
    assert_eq!(result.output, "Done.");
    assert_eq!(paid.load(Ordering::SeqCst), 2);
    assert_eq!(model.requests().len(), 2);
    let messages = ctx.messages().to_vec();
    assert_eq!(
        shape(&messages),
        [
            (Role::User, 1),
            (Role::Assistant, 4),
            (Role::Tool, 4),
            (Role::Assistant, 1)
        ]
    );
    assert_eq!(
        told(&messages),
        [
            "paid 70",
            "2",
            "! The call wasn't made: whoever was asked refused: that bill is wrong",
            "paid 5"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn no_is_an_answer() -> Result<()> {
    let model = ScriptedModel::new().calls([pay(70)]).answer(["Not paid."]);
    let paid = Arc::default();
    let agent = payer(model.clone(), &paid);
    let store = MemoryStore::new();
    let asked = suspended(agent.run("Pay.").store(store.clone()).outcome().await?).await;
    let no = asked.answer("pay[0]/approve", &false)?;
    assert_eq!(agent.resume(no).store(store).await?.output, "Not paid.");
    assert_eq!(paid.load(Ordering::SeqCst), 0);
    assert_eq!(
        told(&model.requests()[1].messages),
        ["! The call wasn't made: whoever was asked said no"]
    );
    Ok(())
}

#[tokio::test]
async fn nobody_waits_longer_than_the_question_says() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("add", json!({"a": 1, "b": 1}))])
        .answer(["Too late."]);
    let add =
        add().approve_if(|_: &Add| Some(Question::new("Add?").expires_in(Duration::from_secs(1))));
    let agent = Agent::builder(model.clone()).tool(add).build()?;
    let store = MemoryStore::new();
    let asked = suspended(agent.run("1 + 1?").store(store.clone()).outcome().await?).await;
    let expires = asked.requests[0].expires.unwrap();
    while mainstem_core::Timestamp::now() <= expires {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        agent.resume(&asked.run).store(store).await?.output,
        "Too late."
    );
    assert_eq!(
        told(&model.requests()[1].messages),
        ["! The call wasn't made: nobody answered `add[0]/approve` in time"]
    );
    Ok(())
}

/// A tool asks by itself, in the middle of its work.
#[tokio::test]
async fn a_tool_may_ask_too() -> Result<()> {
    async fn greet(ctx: RunContext, _: Add) -> StepResult<String> {
        let name: String = ctx.ask("name", "What is your name?").await?;
        Ok(format!("Hello {name}"))
    }
    let model = ScriptedModel::new()
        .calls([("greet", json!({"a": 1, "b": 1}))])
        .answer(["Hi."]);
    let agent = Agent::builder(model.clone())
        .tool(tool_fn("greet", "", greet))
        .build()?;
    let store = MemoryStore::new();
    let asked = suspended(agent.run("Greet.").store(store.clone()).outcome().await?).await;
    let answered = asked.answer("greet[0]/name", "Ada")?;
    assert_eq!(agent.resume(answered).store(store).await?.output, "Hi.");
    assert_eq!(told(&model.requests()[1].messages), ["Hello Ada"]);
    Ok(())
}

/// An agent that is a tool may have tools that ask.
#[tokio::test]
async fn an_agent_that_is_a_tool_goes_on_where_it_was() -> Result<()> {
    let inner = ScriptedModel::new()
        .calls([pay(70)])
        .answer(["It is paid."]);
    let outer = ScriptedModel::new()
        .calls([("clerk", json!({"input": "Pay 70."}))])
        .answer(["Paid."]);
    let paid = Arc::default();
    let clerk = payer(inner.clone(), &paid).as_tool("clerk", "Pays.");
    let agent = Agent::builder(outer.clone())
        .name("boss")
        .tool(clerk.approve())
        .build()?;
    let store = MemoryStore::new();
    let asked = suspended(agent.run("Pay.").store(store.clone()).outcome().await?).await;
    assert_eq!(
        asked.requests[0].prompt,
        r#"Call tool `clerk` with {"input":"Pay 70."}?"#
    );
    let yes = asked.answer("clerk[0]/approve", &true)?;
    let asked = suspended(agent.resume(yes).store(store.clone()).outcome().await?).await;
    let id = asked.requests[0].id.clone();
    assert_eq!(id, "clerk[0]/clerk/pay[0]/approve");
    let mut run = agent
        .resume(asked.answer(&id, &true)?)
        .store(store)
        .stream();
    let mut text = String::new();
    while let Some(piece) = run.next_text().await? {
        text.push_str(&piece);
    }
    // The text of the tool isn't among it, though the tool began in another segment of the run.
    assert_eq!(text, "Paid.");
    assert_eq!(run.await?.output, "Paid.");
    assert_eq!((inner.requests().len(), outer.requests().len()), (2, 2));
    assert_eq!(paid.load(Ordering::SeqCst), 1);
    Ok(())
}
