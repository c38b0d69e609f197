//! What is found before anything runs, and what a dropped run leaves: nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use mainstem_core::{Error, ErrorKind, Result, RunContext, Step, StepPath, StepResult, TextDelta};
use mainstem_flow::{
    Flow, by_value, each, fallback, named, optional, retry, time_limit, up_to, weighted, when, with,
};

/// A step that is put together wrongly, if it says so, and counts how often it was asked.
struct Checked {
    asked: Arc<AtomicUsize>,
    is_wrong: bool,
}

impl Step<u8> for Checked {
    type Output = u8;

    fn name(&self) -> &str {
        "checked"
    }

    fn kind(&self) -> &'static str {
        "checked"
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.is_wrong {
            true => Err(Error::new(ErrorKind::Config, "it is wrong").with_step(path)),
            false => Ok(()),
        }
    }

    fn call(&self, _: RunContext, n: u8) -> BoxFuture<'static, Result<u8>> {
        Box::pin(std::future::ready(Ok(n)))
    }
}

#[tokio::test]
async fn a_flow_is_checked_once_however_often_it_runs_and_nests() -> Result<()> {
    let asked = Arc::new(AtomicUsize::new(0));
    let step = Checked {
        asked: Arc::clone(&asked),
        is_wrong: false,
    };
    let inner = Flow::new("inner").step("step", step);
    let flow = Flow::<Vec<u8>>::new("f").map("all", each(inner));
    for _ in 0..3 {
        flow.run(vec![1u8, 2, 3]).await?;
    }
    flow.clone().check()?;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    Ok(())
}

#[test]
fn what_is_wrong_is_found_however_deep() {
    let wrong = || Checked {
        asked: Arc::default(),
        is_wrong: true,
    };
    let right = |n: u8| n;
    let f = || Flow::<u8>::new("f");
    let second = Duration::from_secs(1);
    let paths = [
        (f().step("s", named("n", wrong())).check(), "f/s"),
        (
            f().step("s", time_limit(second, weighted(2, wrong())))
                .check(),
            "f/s",
        ),
        (
            f().step("s", when(|_: &u8| true, wrong())).check(),
            "f/s/checked",
        ),
        (f().step("s", optional(wrong())).check(), "f/s/checked"),
        (f().step("s", retry(2, wrong())).check(), "f/s/checked"),
        (
            f().step("s", fallback(right, wrong())).check(),
            "f/s[1]/checked",
        ),
        (
            f().parallel("s", (right, wrong())).check(),
            "f/s[1]/checked",
        ),
        (f().race("s", (right, wrong())).check(), "f/s[1]/checked"),
        (f().branch("s", by_value().arm(7, wrong())).check(), "f/s/7"),
        (
            f().repeat("s", up_to(2, wrong()).until(|_: &u8| true))
                .check(),
            "f/s/checked",
        ),
        (
            Flow::<Vec<u8>>::new("f").map("s", each(wrong())).check(),
            "f/s/checked",
        ),
    ];
    for (checked, path) in paths {
        assert_eq!(checked.unwrap_err().step().unwrap().to_string(), path);
    }
}

/// Counts itself for as long as it is there.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn hold(ctx: RunContext, alive: Arc<AtomicUsize>, n: u8) -> StepResult<u8> {
    alive.fetch_add(1, Ordering::SeqCst);
    let _guard = Guard(alive);
    ctx.emit(TextDelta::new("here ")).await;
    std::future::pending::<()>().await;
    Ok(n)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_stops_all_that_is_in_it() -> Result<()> {
    let alive = Arc::new(AtomicUsize::new(0));
    let step = || with(Arc::clone(&alive), hold);
    let hour = Duration::from_secs(3600);
    let items = || each(optional(step()));
    let flow = Flow::<u8>::new("f")
        .step("three", |n: u8| vec![n; 3])
        .parallel(
            "all",
            (
                Flow::new("a").map("m", items()),
                Flow::new("b").map("m", items().at_most(1).as_they_come()),
                Flow::new("c")
                    .step("one", |list: Vec<u8>| list[0])
                    .race("r", (step(), retry(3, fallback(step(), step())))),
                time_limit(
                    hour,
                    Flow::new("d")
                        .step("one", |list: Vec<u8>| list[0])
                        .repeat("r", up_to(3, step()).until(|_: &u8| true)),
                ),
            ),
        );
    let mut run = flow.run_streamed(1u8);
    for _ in 0..7 {
        run.next_text().await?;
    }
    assert_eq!(alive.load(Ordering::SeqCst), 7);
    drop(run);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    Ok(())
}

#[test]
fn what_has_no_name_is_refused() {
    let id = |n: u8| n;
    for (flow, path, mend) in [
        (Flow::<u8>::new(" ").step("a", id), " ", "Flow::new"),
        (Flow::new("f").step("", id), "f", "a step without a name"),
        (
            Flow::new("f").step("in", Flow::new("").step("a", id)),
            "f/in",
            "Flow::new",
        ),
        (
            Flow::new("f").step("in", retry(2, named("", id))),
            "f/in",
            "`named(\"\", ..)`",
        ),
    ] {
        let error = flow.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.step().unwrap().to_string(), path);
        assert!(error.message().contains(mend), "{error}");
    }
}

#[test]
fn a_version_isnt_compatible_with_itself() {
    let flow = || Flow::<u8>::new("f").step("a", |n: u8| n);
    let error = flow().compatible_with("1").check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("compatible with `1`"), "{error}");
    flow().version("2").compatible_with("1").check().unwrap();
}

#[test]
fn a_bool_has_two_arms() {
    let id = |n: bool| n;
    let flow = |branch| Flow::<bool>::new("f").branch("b", branch).check();
    let error = flow(by_value().arm(true, id)).unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "f/b");
    assert!(error.message().contains("no arm for `false`"), "{error}");
    flow(by_value().arm(true, id).arm(false, id)).unwrap();
    flow(by_value().arm(false, id).otherwise(id)).unwrap();
}
