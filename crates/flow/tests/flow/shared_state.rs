//! Row R11: state that the steps of a run share.

use mainstem_core::{
    Context, ErrorKind, Key, MemoryStore, Merge, Message, Result, RunContext, Store,
};
use mainstem_flow::{Flow, named};

const TOPIC: Key<String> = Key::new("topic");
const FACTS: Key<Vec<u32>> = Key::new("facts").merged_by(Merge::Append);

#[tokio::test]
async fn r11_a_later_step_reads_what_an_earlier_one_wrote() -> Result<()> {
    let flow = Flow::new("f")
        .step("write", async |ctx: RunContext, text: String| {
            ctx.context().set(&TOPIC, &text)?;
            Ok(())
        })
        .step("read", async |ctx: RunContext, (): ()| {
            Ok(ctx.context().get(&TOPIC)?)
        });
    let ctx = Context::new();
    let output = flow.run("jays").context(&ctx).await?.output;
    assert_eq!(output.as_deref(), Some("jays"));
    assert_eq!(ctx.get(&TOPIC)?.as_deref(), Some("jays"));
    Ok(())
}

async fn add(ctx: RunContext, n: u32) -> mainstem_core::StepResult<usize> {
    let mut facts = ctx.context().get(&FACTS)?.unwrap_or_default();
    let seen = facts.len();
    facts.push(n);
    ctx.context().set(&FACTS, &facts)?;
    Ok(seen)
}

#[tokio::test]
async fn r11_branches_see_the_state_before_them_and_merge_by_the_rule_of_the_key() -> Result<()> {
    let flow = Flow::new("f")
        .step("first", async |ctx: RunContext, n: u32| {
            add(ctx, 0).await?;
            Ok(n)
        })
        .parallel("both", (add, add));
    let ctx = Context::new();
    assert_eq!(flow.run(7u32).context(&ctx).await?.output, (1, 1));
    assert_eq!(ctx.get(&FACTS)?, Some(vec![0, 7, 7]));
    Ok(())
}

#[tokio::test]
async fn r11_branches_that_both_write_are_a_conflict_that_names_them() -> Result<()> {
    let write = |name| {
        named(name, async |ctx: RunContext, text: String| {
            ctx.context().set(&TOPIC, &text)?;
            Ok(())
        })
    };
    let flow = Flow::new("f").parallel("both", (write("left"), write("right")));
    let ctx = Context::new();
    let error = flow.run("jays").context(&ctx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.step().unwrap().to_string(), "f/both");
    assert!(
        error.message().contains("branch `left` and branch `right`"),
        "{error}"
    );
    assert_eq!(ctx.get(&TOPIC)?, None);
    Ok(())
}

#[tokio::test]
async fn r11_messages_of_branches_come_in_the_order_of_the_branches() -> Result<()> {
    let note = |text: &'static str, wait: u64| {
        mainstem_flow::with(
            (text, wait),
            async |ctx: RunContext, (text, wait): (&'static str, u64), _: String| {
                tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
                ctx.context().thread("notes").add(Message::assistant(text));
                Ok(())
            },
        )
    };
    tokio::time::pause();
    let flow = Flow::new("f").parallel("both", (note("slow", 20), note("quick", 1)));
    let ctx = Context::new();
    flow.run("jays").context(&ctx).await?;
    let notes: Vec<_> = ctx
        .thread("notes")
        .messages()
        .iter()
        .map(Message::text)
        .collect();
    assert_eq!(notes, ["slow", "quick"]);
    Ok(())
}

const VOTES: Key<u32> =
    Key::new("votes").reduced_by(|before, so_far, branch| so_far + branch - before.unwrap_or(0));

async fn vote(ctx: RunContext, votes: u32) -> mainstem_core::StepResult<()> {
    let before = ctx.context().get(&VOTES)?.unwrap_or(0);
    Ok(ctx.context().set(&VOTES, &(before + votes))?)
}

#[tokio::test]
async fn r11_what_branches_wrote_is_reduced_by_a_function_also_by_a_run_that_goes_on() -> Result<()>
{
    let flow = Flow::new("f")
        .key(&VOTES)
        .step("first", async |ctx: RunContext, n: u32| {
            vote(ctx, 1).await?;
            Ok(n)
        })
        .parallel("both", (named("left", vote), named("right", vote)));
    let store = MemoryStore::new();
    let ctx = Context::new();
    let whole = flow.run(7u32).context(&ctx).store(store.clone()).await?;
    assert_eq!(ctx.get(&VOTES)?, Some(15));

    let events = store.read(&whole.run, None, usize::MAX).await?.len();
    for cut in 1..events {
        let ctx = Context::new();
        let mut run = flow.run(7u32).store(store.clone()).stream();
        let id = run.id().clone();
        for _ in 0..cut {
            run.next_event().await.unwrap();
        }
        drop(run);
        flow.resume(&id).store(store.clone()).context(&ctx).await?;
        assert_eq!(ctx.get(&VOTES)?, Some(15), "cut at {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn r11_a_stored_run_asks_for_the_declaration_of_a_reduced_key() {
    let flow = Flow::new("f").step("vote", vote);
    let error = flow.run(7u32).store(MemoryStore::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("Flow::key"), "{error}");
    assert!(flow.run(7u32).await.is_ok());
}
