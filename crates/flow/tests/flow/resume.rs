//! A run goes on where it stopped, wherever that was.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use mainstem_core::{
    Context, ContextSnapshot, ErrorKind, Event, EventKind, Key, MemoryStore, Outcome, Question,
    Result, RunContext, RunId, StepResult, Store, test_util::ScriptedModel,
};
use mainstem_flow::{Flow, with};

use crate::common::{agent, effective, lines};

/// What was done outside of the run, in the order in which it was.
type Effects = Arc<Mutex<Vec<String>>>;

const SEEN: Key<Vec<String>> = Key::new("seen").merged_by(mainstem_core::Merge::Append);

async fn note(ctx: RunContext, effects: Effects, text: String) -> StepResult<String> {
    effects
        .lock()
        .unwrap()
        .push(format!("{} {text}", ctx.path()));
    let mut seen = ctx.context().get(&SEEN)?.unwrap_or_default();
    seen.push(text.clone());
    ctx.context().set(&SEEN, &seen)?;
    ctx.emit(mainstem_core::TextDelta::new(format!("<{text}>")))
        .await;
    Ok(text + "!")
}

/// A function that runs others by keys.
async fn dig(
    ctx: RunContext,
    (effects, inner): (Effects, Flow<String>),
    text: String,
) -> StepResult<String> {
    effects.lock().unwrap().push(format!("dig {text}"));
    ctx.emit(mainstem_core::TextDelta::new("digging ")).await;
    let a = ctx.run("first", &inner, text.clone()).await?;
    let b = ctx.run("second", &inner, text).await?;
    Ok(format!("{a}{b}"))
}

fn flow(effects: &Effects) -> Flow<String> {
    let effects = Arc::clone(effects);
    let model = ScriptedModel::new().always(["Ja", "ys."]);
    let step = || with(Arc::clone(&effects), note);
    let inner = Flow::new("inner")
        .step("x", step())
        .step("y", agent("y", &model));
    Flow::new("f")
        .step("one", step())
        .step("talk", agent("talk", &model))
        .parallel("both", (mainstem_flow::named("l", step()), inner.clone()))
        .step("join", |(a, b): (String, String)| format!("{a}{b}"))
        .step("dig", with((Arc::clone(&effects), inner), dig))
        .step("last", step())
}

async fn log(store: &MemoryStore, run: &RunId) -> Vec<Event> {
    store.read(run, None, usize::MAX).await.unwrap()
}

/// What a context holds, but for what its runs used: it counts from where it took part in the run.
fn held(context: &Context) -> ContextSnapshot {
    let mut snapshot = context.snapshot();
    snapshot.usage.clear();
    snapshot
}

#[tokio::test]
async fn a_run_that_was_cut_anywhere_ends_as_if_it_hadnt_been() -> Result<()> {
    let effects = Effects::default();
    let flow = flow(&effects);
    let whole = MemoryStore::new();
    let context = Context::new();
    let result = flow.run("a").store(whole.clone()).context(&context).await?;
    let undisturbed = log(&whole, &result.run).await;
    let expected = (result.output.clone(), held(&context));
    let done: Vec<_> = std::mem::take(&mut *effects.lock().unwrap());

    for cut in 1..undisturbed.len() {
        let store = MemoryStore::new();
        let context = Context::new();
        let mut run = flow.run("a").store(store.clone()).stream();
        let id = run.id().clone();
        for _ in 0..cut {
            run.next().await.unwrap();
        }
        drop(run);
        let finished = log(&store, &id).await;
        let resumed = flow
            .resume(&id)
            .store(store.clone())
            .context(&context)
            .await?;
        assert_eq!((resumed.output, held(&context)), expected, "cut at {cut}");
        let events = log(&store, &id).await;
        assert_eq!(effective(&events), effective(&undisturbed), "cut at {cut}");
        assert_eq!(events[..finished.len()], finished[..]);

        // A step that had finished isn't done again.
        let effects = std::mem::take(&mut *effects.lock().unwrap());
        for effect in &done {
            let times = effects.iter().filter(|it| strip(it) == *effect).count();
            let path = effect.split(' ').next().unwrap();
            let was_finished = finished.iter().any(|event| {
                event.path.as_str() == path && matches!(event.kind, EventKind::StepFinished(_))
            });
            assert!(
                times == 1 || times == 2 && !was_finished,
                "{effect} {times} times, cut at {cut}"
            );
        }
    }
    Ok(())
}

fn strip(effect: &str) -> String {
    effect.replace("#2", "")
}

#[tokio::test]
async fn cut_twice_in_the_same_step_it_has_a_third_attempt() -> Result<()> {
    let effects = Effects::default();
    let flow = flow(&effects);
    let store = MemoryStore::new();
    let mut run = flow.run("a").store(store.clone()).stream();
    let id = run.id().clone();
    for _ in 0..2 {
        while let Some(event) = run.next().await {
            if event.text().is_some() {
                break;
            }
        }
        run = flow.resume(&id).store(store.clone()).stream();
    }
    run.await?;
    let lines = lines(&log(&store, &id).await);
    let one: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("f/one"))
        .collect();
    assert_eq!(
        one,
        [
            "f/one starts function",
            "f/one says <a>",
            "f/one retracts: the run was interrupted; the step begins again",
            "f/one#2 starts function",
            "f/one#2 says <a>",
            "f/one#2 retracts: the run was interrupted; the step begins again",
            "f/one#3 starts function",
            "f/one#3 says <a>",
            "f/one#3 gives \"a!\"",
        ]
    );
    Ok(())
}

fn pay() -> Flow<String, String> {
    Flow::new("pay")
        .step("price", |order: String| order.len())
        .parallel(
            "sign",
            (
                mainstem_flow::named(
                    "boss",
                    mainstem_flow::ask::<bool, _>(|n: &usize| Question::new(format!("Pay {n}?"))),
                ),
                mainstem_flow::named("clerk", async |ctx: RunContext, _: usize| {
                    let name: String = ctx.ask("name", "Your name?").await?;
                    Ok(format!("signed by {name}"))
                }),
                mainstem_flow::named("slow", async |ctx: RunContext, n: usize| {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    ctx.emit(mainstem_core::TextDelta::new("slow")).await;
                    Ok(n)
                }),
            ),
        )
        .step(
            "end",
            |((n, yes), name, _): ((usize, bool), String, usize)| format!("{n} {yes} {name}"),
        )
}

#[tokio::test(start_paused = true)]
async fn several_are_asked_and_answer_one_by_one() -> Result<()> {
    let store = MemoryStore::new();
    let Outcome::Suspended(asked) = pay().run("seven").store(store.clone()).outcome().await? else {
        panic!("it asks");
    };
    let ids: Vec<_> = asked.requests.iter().map(|it| &*it.id).collect();
    assert_eq!(ids, ["sign[0]/boss", "sign[1]/clerk/name"]);

    let one = asked.clone().answer("sign[0]/boss", &true)?;
    let Outcome::Suspended(rest) = pay().resume(one).store(store.clone()).outcome().await? else {
        panic!("it asks for the rest");
    };
    assert_eq!(rest.requests.len(), 1);
    let all = rest.answer("sign[1]/clerk/name", "Ada")?;
    let result = pay().resume(all).store(store.clone()).await?;
    assert_eq!(result.output, "5 true signed by Ada");
    let events = log(&store, &result.run).await;
    let said = events.iter().filter(|event| event.text().is_some()).count();
    assert_eq!(said, 1, "the third branch had run to its end");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_doesnt_fit_leaves_the_run_as_it_was() -> Result<()> {
    let store = MemoryStore::new();
    let Outcome::Suspended(asked) = pay().run("seven").store(store.clone()).outcome().await? else {
        panic!("it asks");
    };
    let before = log(&store, &asked.run).await;
    let wrong = asked.clone().answer("sign[0]/boss", "yes")?;
    let error = pay().resume(wrong).store(store.clone()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Value, Some("not_resumed"))
    );
    let message = "the answer to `sign[0]/boss` isn't what was asked for: expected a boolean";
    assert_eq!(error.message(), message);
    assert_eq!(log(&store, &asked.run).await, before);

    let right = asked.clone().answer("sign[0]/boss", &true)?;
    assert!(matches!(
        pay().resume(&right).store(store.clone()).outcome().await?,
        Outcome::Suspended(_)
    ));
    let otherwise = asked.answer("sign[0]/boss", &false)?;
    let error = pay()
        .resume(otherwise)
        .store(store.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    // The same answer again is none.
    assert!(matches!(
        pay().resume(&right).store(store).outcome().await?,
        Outcome::Suspended(_)
    ));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_the_end_of_the_time_are_failures_of_the_step() -> Result<()> {
    let flow = Flow::new("f").ask::<bool>("go", |_: &u8| {
        Question::new("Go on?").expires_in(std::time::Duration::from_secs(1))
    });
    let store = MemoryStore::new();
    let Outcome::Suspended(asked) = flow.run(1).store(store.clone()).outcome().await? else {
        panic!("it asks");
    };
    while !asked.requests[0].is_late() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let late = asked.clone().answer("go", &true)?;
    let error = flow.resume(late).store(store.clone()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Timeout, Some("not_resumed"))
    );
    let error = flow
        .resume(&asked.run)
        .store(store.clone())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Timeout, Some("expired"))
    );
    assert_eq!(error.step().unwrap().as_str(), "f/go");

    let flow = Flow::new("f").ask::<bool>("go", |_: &u8| Question::new("Go on?"));
    let Outcome::Suspended(asked) = flow.run(1).store(store.clone()).outcome().await? else {
        panic!("it asks");
    };
    let refused = asked.refuse("go", "not me")?;
    let error = flow.resume(refused).store(store).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Refused, Some("declined"))
    );
    assert_eq!(error.upstream().unwrap().message(), "not me");
    Ok(())
}

#[tokio::test]
async fn a_flow_that_has_changed_is_refused_unless_its_version_goes_with_it() -> Result<()> {
    let flow = |name: &str| {
        Flow::new("f")
            .step(name.to_owned(), |n: u8| n + 1)
            .ask::<bool>("go", |_: &u8| Question::new("Go on?"))
    };
    let store = MemoryStore::new();
    let Outcome::Suspended(asked) = flow("a").run(1).store(store.clone()).outcome().await? else {
        panic!("it asks");
    };
    let answered = asked.answer("go", &true)?;
    let error = flow("b")
        .resume(&answered)
        .store(store.clone())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Conflict, Some("not_resumed"))
    );
    assert!(error.message().contains("f/a"), "{error}");
    let compatible = flow("b").version("2").compatible_with("1");
    assert_eq!(
        compatible.resume(answered).store(store).await?.output,
        (2, true)
    );
    Ok(())
}

#[tokio::test]
async fn what_cant_go_on_says_why() -> Result<()> {
    let asks = Flow::<u8>::new("f").ask::<bool>("go", |_: &u8| Question::new("Go on?"));
    let error = asks.run(1).await.unwrap_err();
    let expected = "it has no store, and so can't go on: give it one by `store(..)`";
    assert!(
        error.message().starts_with("the run waits for an answer; "),
        "{error}"
    );
    assert!(error.message().ends_with(expected), "{error}");
    let error = asks.run(1).store(MemoryStore::new()).await.unwrap_err();
    assert!(!error.message().contains("store"), "{error}");

    let flow = Flow::new("f").step("a", |n: u8| n);
    let error = flow.resume("r").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let store = MemoryStore::new();
    let error = flow.resume("r").store(store.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let run = flow.run(1).store(store.clone()).await?.run;
    let error = flow.resume(run).store(store).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("has ended"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_run_whose_log_has_just_been_created_begins() -> Result<()> {
    let flow = Flow::new("f").step("a", |n: u8| n + 1);
    let store = MemoryStore::new();
    // Before the first event is handed over it is in the log; so the log is made as it was before.
    let mut run = flow.run(1).store(store.clone()).stream();
    let id = run.id().clone();
    let first = run.next().await.unwrap();
    drop(run);
    let basis = store.basis(&id).await?;
    store.delete(&id).await?;
    let mut new = mainstem_core::NewRun::new(id.clone(), "f");
    new.basis = basis;
    store.create(new).await?;

    assert_eq!(flow.resume(&id).store(store.clone()).await?.output, 2);
    let events = log(&store, &id).await;
    assert_eq!(events[0].kind, first.kind);
    assert_eq!(lines(&events)[0], "f starts flow");
    Ok(())
}
