//! Appends to a file of SQLite.

use std::{path::Path, time::Instant};

use anyhow::Result;
use futures::future::try_join_all;
use mainstem::{
    Durability, Epoch, Event, NewRun, Place, RunId, Seq, SqliteStore, StepPath, Store, TextDelta,
    Timestamp,
};
use rusqlite::Connection;
use serde_json::json;

use crate::{chunks::ratio, cli::Cli, report::Section, stats, table};

/// How many times a bare loop's time an append of many runs at once takes.
///
/// Of one run, each append waits for two threads to wake up: that is the machine's, and has no aim.
const AIMS: [(Durability, f64); 2] = [(Durability::Process, 1.75), (Durability::Power, 0.5)];
const RUNS: u64 = 16;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let rounds = cli.pick(5, 1);
    let about = format!(
        "appends of one event a second, to a file in {}, median of {rounds}; times a bare loop of \
         inserts, each a commit, in brackets",
        std::env::temp_dir().display()
    );
    let mut section = Section::new("stores", about, !cli.quick);
    let together = format!("{RUNS} runs at once");
    section.row(["", "bare loop", "one run", &together]);
    for (durability, aim) in AIMS {
        let appends = match durability {
            Durability::Power => cli.pick(3_200, 160),
            _ => cli.pick(32_000, 320),
        };
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..rounds {
            times[0].push(bare(durability, appends)?);
            times[1].push(stored(durability, 1, appends)?);
            times[2].push(stored(durability, RUNS, appends)?);
        }
        let [bare, one, many] = times.map(stats::median);
        let name = format!("{durability:?}");
        let (one_ratio, many_ratio) = (ratio(one, bare), ratio(many, bare));
        section.row([
            name.clone(),
            per_second(bare),
            format!("{} ({one_ratio:.2})", per_second(one)),
            format!("{} ({many_ratio:.2})", per_second(many)),
        ]);
        section.aim(format!("{name}, {together}"), "times", many_ratio, aim);
        section.data(json!({
            "durability": name,
            "ns_an_append": { "bare": bare, "one": one, "many": many },
        }));
    }
    Ok(section)
}

fn per_second(ns: u64) -> String {
    table::number(1_000_000_000 / ns.max(1))
}

/// What an application would write without a library: an insert, a commit; ns each.
fn bare(durability: Durability, appends: u64) -> Result<u64> {
    let directory = tempfile::tempdir()?;
    let connection = Connection::open(directory.path().join("bare.db"))?;
    connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
    let synchronous = match durability {
        Durability::Power => "FULL",
        _ => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    let table = "CREATE TABLE events (run INTEGER, seq INTEGER, event TEXT, PRIMARY KEY (run, seq))
        STRICT, WITHOUT ROWID";
    connection.execute(table, [])?;
    let mut insert = connection.prepare("INSERT INTO events VALUES (1, ?1, ?2)")?;
    let began = Instant::now();
    for seq in 1..=appends {
        let event = serde_json::to_string(&event(seq))?;
        insert.execute((i64::try_from(seq)?, event))?;
    }
    Ok(each(began, appends))
}

/// The same appends, spread over some runs that go on at once.
fn stored(durability: Durability, runs: u64, appends: u64) -> Result<u64> {
    let directory = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(write(directory.path(), durability, runs, appends))
}

async fn write(directory: &Path, durability: Durability, runs: u64, appends: u64) -> Result<u64> {
    let store = SqliteStore::open(directory.join("runs.db")).await?;
    let ids: Vec<_> = (0..runs).map(|run| RunId::from(run.to_string())).collect();
    let new = ids
        .iter()
        .map(|run| store.create(NewRun::new(run.clone(), "bench")));
    try_join_all(new).await?;
    let began = Instant::now();
    let writers = ids.iter().map(|run| async {
        for seq in 1..=appends / runs {
            let append = store.append(run, Epoch::FIRST, vec![event(seq)], durability);
            append.await?;
        }
        anyhow::Ok(())
    });
    try_join_all(writers).await?;
    Ok(each(began, appends))
}

fn each(began: Instant, appends: u64) -> u64 {
    let ns = began.elapsed().as_nanos() / u128::from(appends.max(1));
    u64::try_from(ns).unwrap_or(u64::MAX)
}

fn event(seq: u64) -> Event {
    let place = Place::new(Epoch::FIRST, Seq(seq));
    let kind = TextDelta::new("Jays are ").into();
    Event::new(
        place,
        Timestamp::now(),
        StepPath::run().child("writer"),
        kind,
    )
}
