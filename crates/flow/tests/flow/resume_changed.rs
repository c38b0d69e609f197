//! Runs that come to a flow that has changed: what can't be used leaves the log as it was.

use std::sync::atomic::{AtomicBool, Ordering};

use mainstem_core::{
    ErrorKind, Event, MemoryStore, Outcome, Question, Result, RunStatus, StepResult, Store,
    Suspension,
};
use mainstem_flow::{Flow, StepValue, by, each, fallback, named, optional, retry};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Big {
    n: u32,
}

/// It waits at its question.
fn then() -> Flow<u32, (u32, bool)> {
    Flow::new("f")
        .step("a", |n: u32| n + 1)
        .parallel("p", (named("l", |n: u32| n), named("r", |n: u32| n)))
        .step("b", |(n, _): (u32, u32)| n)
        .ask::<bool>("ok", |n: &u32| Question::new(format!("{n}?")))
}

fn now() -> Flow<u32, u32> {
    Flow::new("f").version("2").compatible_with("1")
}

async fn log(store: &MemoryStore) -> Vec<Event> {
    store.read(&"r".into(), None, usize::MAX).await.unwrap()
}

async fn waits<I: StepValue, O: StepValue>(flow: &Flow<I, O>, input: I) -> Result<MemoryStore> {
    let store = MemoryStore::new();
    let run = flow.run(input).id("r").store(store.clone());
    let Outcome::Suspended(_) = run.outcome().await? else {
        panic!("it asks");
    };
    Ok(store)
}

/// The flow doesn't go on with the run, and says which step is why; its log is as it was.
async fn refuses<O: StepValue>(flow: &Flow<u32, O>, step: &str, mend: &str) -> Result<()> {
    let store = waits(&then(), 1).await?;
    let before = log(&store).await;
    let asked = Suspension::load(&store, &"r".into()).await?;
    let answered = asked.answer("ok", &true)?;
    let run = flow.resume(&answered).store(store.clone());
    let Err(error) = run.outcome().await else {
        panic!("{step}: it goes on");
    };
    assert_eq!(error.code(), Some("not_resumed"), "{step}: {error}");
    let text = error.to_string();
    assert!(text.contains(step) && text.contains(mend), "{text}");
    assert_eq!(log(&store).await, before, "{step}");
    let state = store.state(&"r".into()).await?;
    assert_eq!((state.status, state.closed), (RunStatus::Suspended, false));
    // Nothing is lost: the flow that it was begun with goes on.
    let result = then().resume(&answered).store(store).await?;
    assert_eq!(result.output, (2, true), "{step}");
    Ok(())
}

#[tokio::test]
async fn what_a_step_had_given_and_gives_otherwise_now_leaves_the_run_as_it_was() -> Result<()> {
    let other_type = now()
        .step("a", |n: u32| Big { n })
        .ask::<bool>("ok", |_: &Big| Question::new("?"));
    refuses(
        &other_type,
        "`f/a` gave a `u32`, and gives a `Big` now",
        "another name",
    )
    .await?;
    let other_branch = now()
        .step("a", |n: u32| n)
        .parallel(
            "p",
            (named("l", |n: u32| n), named("r", |n: u32| Big { n })),
        )
        .ask::<bool>("ok", |_: &(u32, Big)| Question::new("?"));
    refuses(&other_branch, "`f/p` gave a `(u32, u32)`", "another name").await
}

#[tokio::test]
async fn another_question_under_the_same_name_leaves_the_run_as_it_was() -> Result<()> {
    let other_answer = now()
        .step("b", |n: u32| n)
        .ask::<String>("ok", |_: &u32| Question::new("?"));
    let expected = "`f/ok` gave a `(u32, bool)`, and gives a `(u32, String)` now";
    refuses(&other_answer, expected, "another name").await?;
    let no_question = now().step("ok", |n: u32| (n, true));
    let expected = "`f/ok` was a `ask`, and is a `function` now";
    refuses(&no_question, expected, "another name").await
}

#[tokio::test]
async fn a_step_of_another_kind_that_gives_the_same_goes_on() -> Result<()> {
    let store = waits(&then(), 1).await?;
    let asked = Suspension::load(&store, &"r".into()).await?;
    let inner = Flow::new("inner").step("more", |n: u32| n + 7);
    let flow = now()
        .step("a", inner)
        .ask::<bool>("ok", |_: &u32| Question::new("?"));
    let answered = asked.answer("ok", &true)?;
    assert_eq!(flow.resume(answered).store(store).await?.output, (2, true));
    Ok(())
}

/// Whether the fields of [`Changing`] are those of a newer version.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// What a step gives, of the same name and type in both versions.
#[derive(Clone)]
struct Changing(u32);

impl Serialize for Changing {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Changing {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match CHANGED.load(Ordering::SeqCst) {
            true => Big::deserialize(from).map(|big| Self(big.n)),
            false => u32::deserialize(from).map(Self),
        }
    }
}

/// A record that can't be read isn't a failure of the step: no wrapper around it deals with it.
#[tokio::test]
async fn a_record_that_cant_be_read_leaves_the_run_as_it_was() -> Result<()> {
    async fn wrapped(n: u32) -> StepResult<Changing> {
        Ok(Changing(n))
    }
    let tried = retry(3, fallback(wrapped, |n: u32| Changing(n + 100)));
    let flow = Flow::new("f")
        .step("a", |n: u32| n)
        .parallel("p", (optional(tried), named("r", |n: u32| n)))
        .ask::<bool>("ok", |_: &(Option<Changing>, u32)| Question::new("?"))
        .step("end", |((n, _), yes): ((Option<Changing>, u32), bool)| {
            (n.map(|n| n.0), yes)
        });
    let store = waits(&flow, 1).await?;
    let before = log(&store).await;
    let asked = Suspension::load(&store, &"r".into())
        .await?
        .answer("ok", &true)?;
    CHANGED.store(true, Ordering::SeqCst);
    let mut run = flow.resume(&asked).store(store.clone()).stream();
    let mut shown = Vec::new();
    while let Some(event) = run.next_event().await {
        shown.push(event.kind.name().to_owned());
    }
    let error = run.await.unwrap_err();
    CHANGED.store(false, Ordering::SeqCst);
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Value, Some("not_resumed"))
    );
    assert!(error.to_string().starts_with("step `f/p`: "), "{error}");
    assert!(
        error.message().contains("`Changing`") || error.message().contains("Changing>"),
        "{error}"
    );
    // Nothing happened but this.
    assert_eq!(shown, ["run_failed"]);
    assert_eq!(log(&store).await, before);
    let result = flow.resume(&asked).store(store).await?;
    assert_eq!(result.output, (Some(1), true));
    Ok(())
}

#[tokio::test]
async fn an_arm_that_is_gone_leaves_the_run_as_it_was() -> Result<()> {
    let question = |_: &u32| Question::new("?");
    let ask = || Flow::new("asks").ask::<bool>("ok", question);
    let then = Flow::<u32>::new("f").branch("b", by(|n: &u32| n % 2).arm(1, ask()).arm(0, ask()));
    let store = waits(&then, 1).await?;
    let before = log(&store).await;
    let now = now().branch("b", by(|n: &u32| n % 2).arm(0, ask()).otherwise(ask()));
    let error = now.resume("r").store(store.clone()).await.unwrap_err();
    assert_eq!(error.code(), Some("not_resumed"), "{error}");
    assert!(error.message().contains("the arm `1`"), "{error}");
    assert_eq!(log(&store).await, before);
    Ok(())
}

#[tokio::test]
async fn an_input_that_cant_be_read_leaves_the_run_as_it_was() -> Result<()> {
    let then = Flow::<u32>::new("f").ask::<bool>("ok", |_: &u32| Question::new("?"));
    let store = waits(&then, 1).await?;
    let before = log(&store).await;
    let now = Flow::<String>::new("f")
        .version("2")
        .compatible_with("1")
        .step("length", |text: String| text.len());
    let error = now.resume("r").store(store.clone()).await.unwrap_err();
    assert_eq!(error.code(), Some("not_resumed"), "{error}");
    assert!(error.message().contains("as a `String`"), "{error}");
    assert_eq!(log(&store).await, before);
    Ok(())
}

/// What other branches had said by then is in the log, which is open all the same.
#[tokio::test]
async fn a_record_that_cant_be_read_late_leaves_the_log_open() -> Result<()> {
    let flow = |arms: [u32; 2]| {
        let ask = || Flow::new("asks").ask::<bool>("ok", |_: &u32| Question::new("?"));
        let branch = by(|n: &u32| n % 2).arm(arms[0], ask()).arm(arms[1], ask());
        let late = Flow::new("late")
            .step("new", async |n: u32| {
                tokio::task::yield_now().await;
                Ok(n)
            })
            .branch("b", branch);
        Flow::<Vec<u32>>::new("f").map("m", each(late))
    };
    let store = waits(&flow([1, 0]), vec![1, 2]).await?;
    let asked = Suspension::load(&store, &"r".into()).await?;
    let asked = asked.answer("m[0]/late/b/1/ok", &true)?;
    let now = flow([2, 0]).version("2").compatible_with("1");
    let error = now.resume(&asked).store(store.clone()).await.unwrap_err();
    assert_eq!(error.code(), Some("not_resumed"), "{error}");
    assert!(!store.state(&"r".into()).await?.closed);
    let asked = asked.answer("m[1]/late/b/0/ok", &true)?;
    let result = flow([1, 0]).resume(&asked).store(store).await?;
    assert_eq!(result.output, [(1, true), (2, true)]);
    Ok(())
}
