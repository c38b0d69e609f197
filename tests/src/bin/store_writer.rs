//! Appends to the logs of a file of SQLite, and says what was acknowledged, until it is killed.
//!
//! `store_writer FILE RUN power|process [EVENTS]`: an event at a time, its number on a line of its
//! own once the store has it; with `EVENTS` it ends after so many and closes the log.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "it is a part of tests, and talks to them"
)]

use std::{env, io::Write};

use mainstem::{
    Durability, Event, NewRun, Place, RunId, Seq, SqliteStore, StepPath, Store, TextDelta,
    Timestamp,
};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [file, run, durability, events @ ..] = &args[..] else {
        panic!("store_writer FILE RUN power|process [EVENTS]");
    };
    let durability = match durability.as_str() {
        "power" => Durability::Power,
        _ => Durability::Process,
    };
    let events = events
        .first()
        .map_or(u64::MAX, |events| events.parse().unwrap());
    let store = SqliteStore::open(file).await.unwrap();
    write(&store, &run.as_str().into(), durability, events).await;
}

async fn write(store: &SqliteStore, run: &RunId, durability: Durability, events: u64) {
    // The log of a writer that was killed goes on with the next one.
    let _there_already = store.create(NewRun::new(run.clone(), "writer")).await;
    let state = store.reopen(run).await.unwrap();
    let first = state.last.map_or(1, |last| last.seq.0 + 1);
    for seq in (first..).take(usize::try_from(events).unwrap_or(usize::MAX)) {
        let place = Place::new(state.epoch, Seq(seq));
        let kind = TextDelta::new(format!("{run} {seq}")).into();
        let event = Event::new(place, Timestamp::now(), StepPath::run(), kind);
        let append = store.append(run, state.epoch, vec![event], durability);
        append.await.unwrap();
        println!("{seq}");
        std::io::stdout().flush().unwrap();
    }
    store.close(run, state.epoch).await.unwrap();
}
