//! Any flow, run in any way: at once, streamed, with a store, cut and gone on with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use mainstem_agent::Agent;
use mainstem_core::{
    Context, ContextSnapshot, Error, ErrorKind, Event, EventKind, Key, MemoryStore, Merge, Outcome,
    Question, Result, Run, RunContext, StepError, StepResult, Store, Suspension, TextDelta,
    test_util::ScriptedModel,
};
use mainstem_flow::{Flow, by, each, fallback, named, optional, retry, up_to, when, with};
use proptest::prelude::*;

use crate::common::effective;

const SEEN: Key<Vec<i64>> = Key::new("seen").merged_by(Merge::Append);

/// What a flow of numbers is made of.
#[derive(Clone, Debug)]
enum Part {
    /// Adds, says so, and writes to the session.
    Add(i64),
    /// An agent says something; the number goes on.
    Say,
    Ask,
    /// Fails for good.
    Fail,
    Then(Vec<Part>),
    Both(Box<Part>, Box<Part>),
    /// By whether the number is even.
    Either(Box<Part>, Box<Part>),
    /// If the number is even.
    When(Box<Part>),
    /// A failure is 0.
    Optional(Box<Part>),
    Rounds(u8, Box<Part>),
    Items(u8, Box<Part>),
    /// The second, if the first fails.
    Else(Box<Part>, Box<Part>),
    /// What follows it fails at first, and both are tried again.
    Again(Box<Part>),
    /// Against a step that takes too long, and fails then.
    Race(Box<Part>),
    /// In a function that runs it by two keys.
    Inside(Box<Part>),
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        6 => (-9..9_i64).prop_map(Part::Add),
        2 => Just(Part::Say),
        1 => Just(Part::Ask),
        1 => Just(Part::Fail),
    ];
    leaf.prop_recursive(4, 12, 3, |part| {
        let one = || part.clone().prop_map(Box::new);
        prop_oneof![
            3 => prop::collection::vec(part.clone(), 1..4).prop_map(Part::Then),
            2 => (one(), one()).prop_map(|(a, b)| Part::Both(a, b)),
            1 => (one(), one()).prop_map(|(a, b)| Part::Either(a, b)),
            1 => one().prop_map(Part::When),
            2 => one().prop_map(Part::Optional),
            1 => (1..4_u8, one()).prop_map(|(n, part)| Part::Rounds(n, part)),
            1 => (0..4_u8, one()).prop_map(|(n, part)| Part::Items(n, part)),
            2 => (one(), one()).prop_map(|(a, b)| Part::Else(a, b)),
            1 => one().prop_map(Part::Again),
            1 => one().prop_map(Part::Race),
            1 => one().prop_map(Part::Inside),
        ]
    })
}

/// How often each step did what it does, by its path.
type Done = Arc<Mutex<BTreeMap<String, u32>>>;

async fn add(ctx: RunContext, (done, more): (Done, i64), n: i64) -> StepResult<i64> {
    *done
        .lock()
        .unwrap()
        .entry(ctx.path().to_string())
        .or_default() += 1;
    ctx.emit(TextDelta::new(format!("{n} "))).await;
    let mut seen = ctx.context().get(&SEEN)?.unwrap_or_default();
    seen.push(n);
    ctx.context().set(&SEEN, &seen)?;
    Ok((n + more) % 1000)
}

async fn inside(ctx: RunContext, part: Flow<i64>, n: i64) -> StepResult<i64> {
    let first = ctx.run("first", &part, n).await?;
    Ok(ctx.run("second", &part, first).await?)
}

/// Fails, unless this is another attempt of it or of a step around it.
async fn flaky(ctx: RunContext, done: Done, n: i64) -> StepResult<i64> {
    let is_first = ctx.path().segments().all(|step| step.attempt() == 1);
    let n = add(ctx, (done, 1), n).await?;
    if is_first {
        return Err("not yet".into());
    }
    Ok(n)
}

async fn slow(ctx: RunContext, done: Done, n: i64) -> StepResult<i64> {
    add(ctx, (done, 1), n).await?;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Err(StepError::terminal("too late"))
}

fn build(part: &Part, done: &Done) -> Flow<i64> {
    let flow = Flow::<i64>::new("part");
    let inner = |part: &Part| build(part, done);
    let sum = |(a, b): (i64, i64)| (a + b) % 1000;
    match part {
        Part::Add(more) => flow.step("add", with((Arc::clone(done), *more), add)),
        Part::Say => {
            let model = ScriptedModel::new().always(["Ja", "y."]);
            let agent = Agent::builder(model).name("agent").build().unwrap();
            flow.step("say", agent.prompt(|n: &i64| n.to_string()))
                .step("read", |text: String| text.len() as i64)
        }
        Part::Ask => flow
            .ask::<i64>("ask", |n: &i64| Question::new(format!("After {n}?")))
            .step("sum", sum),
        Part::Fail => flow.step("fail", |n: i64| -> StepResult<i64> {
            Err(StepError::terminal(format!("{n} is wrong")))
        }),
        Part::Then(parts) => parts.iter().enumerate().fold(flow, |flow, (index, part)| {
            flow.step(format!("step {index}"), inner(part))
        }),
        Part::Both(a, b) => flow
            .parallel("both", (named("a", inner(a)), inner(b)))
            .step("sum", sum),
        Part::Either(a, b) => flow.branch(
            "either",
            by(|n: &i64| n % 2 == 0)
                .arm(true, inner(a))
                .arm(false, inner(b)),
        ),
        Part::When(part) => flow.step("when", when(|n: &i64| n % 2 == 0, inner(part))),
        Part::Optional(part) => flow
            .step("optional", optional(inner(part)))
            .step("or", |n: Option<i64>| n.unwrap_or(0)),
        Part::Rounds(rounds, part) => flow.repeat(
            "rounds",
            up_to(u32::from(*rounds), inner(part))
                .until(|n: &i64| n % 3 == 0)
                .or_keep_last(),
        ),
        Part::Items(items, part) => {
            let items = i64::from(*items);
            flow.step("list", move |n: i64| {
                (0..items).map(|i| n + i).collect::<Vec<_>>()
            })
            .map("items", each(inner(part)).at_most(2))
            .step("sum", |ns: Vec<i64>| ns.iter().sum::<i64>() % 1000)
        }
        Part::Else(a, b) => flow.step("else", fallback(inner(a), inner(b))),
        Part::Again(part) => {
            let flaky = with(Arc::clone(done), flaky);
            let twice = inner(part).step("flaky", flaky);
            flow.step("again", retry(2, twice))
        }
        Part::Race(part) => {
            let slow = with(Arc::clone(done), slow);
            flow.race("race", (slow, inner(part)))
        }
        Part::Inside(part) => flow.step("inside", with(inner(part), inside)),
    }
}

/// All that can be known of a run that is over; of a failure, what it was.
#[derive(Debug, PartialEq)]
struct Over {
    end: Result<i64, (ErrorKind, String)>,
    context: ContextSnapshot,
}

impl Over {
    fn new(result: Result<i64>, context: &Context) -> Self {
        // Of branches that fail beside each other, one is first: not the same each time.
        let failure = |error: Error| (error.kind(), error.message().to_owned());
        let mut context = context.snapshot();
        // It counts from where it took part in the run.
        context.usage.clear();
        // What was said beside a step that fails isn't the same each time, and what was said before
        // a cut is no part of what the run says when it fails.
        for messages in context.threads.values_mut() {
            messages.retain(|message| !message.partial);
        }
        Self {
            end: result.map_err(failure),
            context,
        }
    }
}

/// A path without the numbers of attempts.
fn first_attempts(path: &str) -> String {
    let steps = path
        .split('/')
        .map(|step| step.split('#').next().unwrap_or(step));
    steps.collect::<Vec<_>>().join("/")
}

/// Answers whatever is asked.
fn answered(asked: Suspension) -> Suspension {
    let ids: Vec<_> = asked.requests.iter().map(|it| it.id.to_string()).collect();
    let answer = |asked: Suspension, id: &String| asked.answer(id, &3).unwrap();
    ids.iter().fold(asked, answer)
}

/// Goes on until the run is over.
async fn finish(flow: &Flow<i64>, run: Run<i64>, store: &MemoryStore, context: &Context) -> Over {
    let mut run = run;
    loop {
        let outcome = run.store(store.clone()).context(context).outcome().await;
        match outcome {
            Ok(Outcome::Suspended(asked)) => run = flow.resume(answered(asked)),
            Ok(Outcome::Finished(result)) => return Over::new(Ok(result.output), context),
            Ok(_) => unreachable!(),
            Err(error) => return Over::new(Err(error), context),
        }
    }
}

/// How a run ended of which nothing is left but its log.
fn end_of(log: &[Event]) -> Result<i64> {
    match &log.last().unwrap().kind {
        EventKind::RunFinished(finished) => finished.output.to(),
        EventKind::RunFailed(failed) => Err((*failed.error).clone().into()),
        kind => panic!("{kind:?}"),
    }
}

/// The same, cut after each of these many events; none, if it was over before the last cut, so that
/// nobody has its session.
async fn cut(
    flow: &Flow<i64>,
    cuts: &[usize],
    store: &MemoryStore,
    context: &Context,
) -> Option<Over> {
    let mut run = flow.run(1).id("r");
    for &cut in cuts {
        // What a run that is dropped leaves in its session isn't wanted here: it goes on.
        let mut stream = run.store(store.clone()).stream();
        for _ in 0..cut {
            stream.next().await;
        }
        drop(stream);
        run = match Suspension::load(store, &"r".into()).await {
            Ok(asked) => flow.resume(answered(asked)),
            Err(_) => flow.resume("r"),
        };
        let state = store.state(&"r".into()).await.unwrap();
        if state.closed {
            return None;
        }
    }
    Some(finish(flow, run, store, context).await)
}

async fn log(store: &MemoryStore) -> Vec<Event> {
    store.read(&"r".into(), None, usize::MAX).await.unwrap()
}

/// No attempt of a step did it twice: one that was cut has another one.
fn check_done(done: &Done) {
    for (path, times) in std::mem::take(&mut *done.lock().unwrap()) {
        assert_eq!(times, 1, "{path} did it {times} times");
    }
}

/// The steps of which an attempt failed.
fn failed(log: &[Event]) -> impl Iterator<Item = String> {
    log.iter()
        .filter(|event| matches!(event.kind, EventKind::StepFailed(_)))
        .map(|event| first_attempts(event.path.as_str()))
}

/// What is left of a log, without what was inside of steps that failed: how far the branches get
/// beside one that fails isn't the same each time. Nor is how often a step was tried.
fn left(log: &[Event], failed: &[String]) -> BTreeMap<String, Vec<String>> {
    let is_within = |path: &str, outer: &String| {
        path.strip_prefix(&**outer)
            .is_some_and(|rest| rest.starts_with(['/', '[']))
    };
    let mut left = effective(log);
    left.retain(|path, _| !failed.iter().any(|outer| is_within(path, outer)));
    let is_of_a_try =
        |event: &String| event.contains(r#""what":"time""#) || event.contains(r#""key":"again["#);
    for events in left.values_mut() {
        events.retain(|event| !is_of_a_try(event));
    }
    left
}

async fn runs_are_equal(part: Part, cuts: Vec<usize>) {
    let done = Done::default();
    let flow = build(&part, &done);
    let store = MemoryStore::new();
    let context = Context::new();
    let undisturbed = finish(&flow, flow.run(1).id("r"), &store, &context).await;
    let whole = log(&store).await;
    check_done(&done);

    let context = Context::new();
    let mut stream = flow.run(1).context(&context).stream();
    let events: Vec<_> = stream.by_ref().collect().await;
    let streamed = stream.await.map(|result| result.output);
    if streamed
        .as_ref()
        .err()
        .is_none_or(|error| error.kind() != ErrorKind::Suspended)
    {
        assert_eq!(Over::new(streamed, &context), undisturbed);
        assert!(events.last().unwrap().is_end());
        let context = Context::new();
        let awaited = flow
            .run(1)
            .context(&context)
            .await
            .map(|result| result.output);
        assert_eq!(Over::new(awaited, &context), undisturbed);
    }
    done.lock().unwrap().clear();

    let (store, context) = (MemoryStore::new(), Context::new());
    let was_cut = cut(&flow, &cuts, &store, &context).await;
    let log = log(&store).await;
    match was_cut {
        Some(over) => assert_eq!(over, undisturbed),
        None => assert_eq!(Over::new(end_of(&log), &context).end, undisturbed.end),
    }
    if !log
        .iter()
        .any(|event| matches!(event.kind, EventKind::RunFailed(_)))
    {
        let failed: Vec<_> = failed(&log).chain(failed(&whole)).collect();
        assert_eq!(left(&log, &failed), left(&whole, &failed));
    }
    check_done(&done);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_flow_comes_to_the_same_in_each_way(
        part in part(),
        cuts in prop::collection::vec(1..40_usize, 1..4),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(runs_are_equal(part, cuts));
    }
}
