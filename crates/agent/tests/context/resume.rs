//! What was given before a crash is given after it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::StreamExt;
use mainstem_agent::{Agent, ContextQuery, Summarizer, context_fn, tool_fn};
use mainstem_core::{MemoryStore, RunId, function::with, test_util::ScriptedModel};
use serde_json::json;

use super::talked;

type Count = Arc<AtomicUsize>;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

fn counted(count: &Count) -> String {
    format!("number {}", count.fetch_add(1, Ordering::SeqCst))
}

/// What becomes of an agent that was under way.
#[derive(Clone, Copy, Debug)]
enum How {
    BeginsAgain,
    GoesOnWithItsTurns,
    GoesOnWithItsAnswer,
}

/// An agent whose context is another one each time that it is asked for.
fn agent(model: &ScriptedModel, count: &Count, how: How) -> Agent {
    let changing = context_fn(
        "changing",
        with(Arc::clone(count), |count: Count, _: ContextQuery| {
            counted(&count)
        }),
    );
    let count = Arc::clone(count);
    let summary = Summarizer::function(with(count, |count: Count, _| counted(&count)));
    let builder = Agent::builder(model.clone())
        .context_from(changing)
        .max_history_messages(2)
        .summarize_history(summary);
    match how {
        How::BeginsAgain => builder,
        How::GoesOnWithItsTurns => builder.tool(tool_fn("tick", "", |_: Nothing| "tock")),
        How::GoesOnWithItsAnswer => builder.continue_interrupted(),
    }
    .build()
    .unwrap()
}

fn model(how: How) -> ScriptedModel {
    let model = ScriptedModel::new();
    match how {
        How::GoesOnWithItsTurns => model.calls([("tick", json!({}))]),
        How::BeginsAgain | How::GoesOnWithItsAnswer => model,
    }
    .always(["Yes."])
}

/// The run is cut after so many events, and goes on; none, if it had ended by then.
async fn cut_after(events: usize, how: How) -> Option<()> {
    let (model, count) = (model(how), Count::default());
    let agent = agent(&model, &count, how);
    let (store, ctx) = (MemoryStore::new(), talked(4));
    let mut run = agent.run("now").context(&ctx).store(store.clone()).stream();
    let id: RunId = run.id().clone();
    for _ in 0..events {
        let event = run.next().await?;
        if event.kind.name() == "run_finished" {
            return None;
        }
    }
    drop(run);
    let asked = model.requests().len();
    let given = count.load(Ordering::SeqCst);
    let result = agent
        .resume(&id)
        .store(store)
        .context(&talked(4))
        .await
        .unwrap();
    let said = match (how, &*result.output) {
        // The scripted model says it all again.
        (How::GoesOnWithItsAnswer, "Yes.Yes.") => "Yes.",
        (_, output) => output,
    };
    assert_eq!(said, "Yes.", "{how:?}, cut after {events}");
    if asked > 0 {
        assert_eq!(
            count.load(Ordering::SeqCst),
            given,
            "cut after {events}: asked again"
        );
    }
    // All turns of the run read the same.
    let firsts = model.requests().into_iter().map(|it| it.messages[0].text());
    let mut firsts: Vec<_> = firsts.collect();
    firsts.dedup();
    assert_eq!(firsts.len(), 1, "cut after {events}: {firsts:#?}");
    Some(())
}

#[tokio::test]
async fn a_run_that_is_cut_anywhere_goes_on_with_the_same_context() {
    for how in [
        How::BeginsAgain,
        How::GoesOnWithItsTurns,
        How::GoesOnWithItsAnswer,
    ] {
        let mut events = 1;
        while cut_after(events, how).await.is_some() {
            events += 1;
        }
        assert!(events > 8, "{events}");
    }
}
