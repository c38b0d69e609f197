//! The process that is killed: this test binary, started again by the test.
//!
//! It begins the run or goes on with it, until it is over. Each line that it prints is an event as a
//! reader gets it, `@event {json}`; after each it waits for a line of its parent. At the end it
//! prints what its session holds, `@context {json}`; `@over`, if the run had ended before it began.

use std::{env, io::Write as _, path::Path};

use futures::StreamExt;
use mainstem::{
    Context, Event, Place, RunId, RunStatus, RunStream, SqliteStore, Store, Suspension,
};

use crate::guide::guide;

/// Where the child finds what it needs; without it, this isn't a child.
pub(crate) const FOLDER: &str = "MAINSTEM_CRASH_FOLDER";
/// The address of the model.
pub(crate) const MODEL: &str = "MAINSTEM_CRASH_MODEL";
/// The place of the last event that the reader has.
pub(crate) const AFTER: &str = "MAINSTEM_CRASH_AFTER";
/// Whether it waits for its parent after each event.
pub(crate) const STEPWISE: &str = "MAINSTEM_CRASH_STEPWISE";

/// The run's id: the parent knows it, too.
pub(crate) const RUN: &str = "the-run";

/// Not a test: what the others start.
#[tokio::test]
async fn child() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let store = SqliteStore::open(folder.join("runs.db")).await.unwrap();
    let flow = guide(&env::var(MODEL).unwrap(), &folder.join("effects.txt"));
    let run = RunId::from(RUN);
    let context = Context::new();
    catch_up(&store, &run).await;
    let mut lives = false;
    loop {
        let state = store.state(&run).await.ok();
        let stream = match state.map(|state| state.status) {
            None => flow.run(" jays ").id(RUN),
            Some(RunStatus::Running) => flow.resume(&run),
            Some(RunStatus::Suspended) => {
                let asked = Suspension::load(&store, &run).await.unwrap();
                flow.resume(asked.answer("approve", &true).unwrap())
            }
            Some(_) => break,
        };
        lives = true;
        show(stream.store(store.clone()).context(&context).stream()).await;
    }
    if lives {
        let mut snapshot = context.snapshot();
        // It counts from where it took part in the run.
        snapshot.usage.clear();
        let snapshot = serde_json::to_string(&snapshot).unwrap();
        println!("@context {snapshot}");
    } else {
        println!("@over ");
    }
}

/// A reader that comes back gets what it has missed.
async fn catch_up(store: &SqliteStore, run: &RunId) {
    let after = env::var(AFTER).ok();
    let after: Option<Place> = after.map(|place| place.parse().unwrap());
    for event in store.read(run, after, usize::MAX).await.unwrap_or_default() {
        tell(&event);
    }
}

async fn show<T>(mut run: RunStream<T>) {
    while let Some(event) = run.next().await {
        tell(&event);
    }
    // What went wrong besides is in the last event.
    let _end = run.await;
}

fn tell(event: &Event) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@event {}", serde_json::to_string(event).unwrap()).unwrap();
    out.flush().unwrap();
    if env::var_os(STEPWISE).is_some() {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
    }
}
