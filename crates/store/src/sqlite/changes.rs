//! What is changed of logs and of what is known of their runs, each within a transaction.
//!
//! A change that is refused has changed nothing: all is checked before anything is written.

use mainstem_core::{
    Epoch, Event, NewRun, Place, Result, RunId, RunState, RunStatus, Timestamp, WorkerId,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    failure,
    queries::{self, number, status_name},
};

/// Milliseconds after which a worker is forgotten whose lease is over.
const FORGOTTEN_AFTER: i64 = 24 * 60 * 60 * 1000;

/// SQLite may fail, or else the store refuse.
pub(super) type Answer<T> = rusqlite::Result<Result<T>>;

/// Events as they are kept.
pub(super) struct Rows {
    rows: Vec<Row>,
    status: Option<RunStatus>,
    /// When the last of them happened.
    changed: Option<Timestamp>,
}

struct Row {
    place: Place,
    seq: i64,
    event: String,
}

impl Rows {
    pub(super) fn new(run: &RunId, events: &[Event]) -> Result<Self> {
        let row = |event: &Event| {
            let place = event.place();
            let json = serde_json::to_string(event);
            let (Ok(event), Ok(seq)) = (json, i64::try_from(place.seq.0)) else {
                return Err(failure::unwritable(run, place));
            };
            Ok(Row { place, seq, event })
        };
        let rows = events.iter().map(row).collect::<Result<_>>()?;
        let statuses = events.iter().rev();
        let status = statuses
            .filter_map(|event| RunStatus::of(&event.kind))
            .next();
        let changed = events.last().map(|event| event.at);
        Ok(Self {
            rows,
            status,
            changed,
        })
    }

    /// Whether they follow a place in an epoch; else the first that doesn't.
    fn follow(&self, mut last: Option<Place>, epoch: Epoch) -> std::result::Result<(), Place> {
        for Row { place, .. } in &self.rows {
            if place.epoch != epoch || last.is_some_and(|last| place.seq <= last.seq) {
                return Err(*place);
            }
            last = Some(*place);
        }
        Ok(())
    }
}

pub(super) fn create(connection: &Connection, run: &NewRun) -> Answer<Epoch> {
    let insert = "INSERT INTO runs (id, name, owner, created, status, epoch, worker)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING";
    let inserted = connection.prepare_cached(insert)?.execute(params![
        run.id.as_str(),
        run.name.as_str(),
        run.owner.as_deref(),
        number(run.created.as_unix_millis()),
        status_name(RunStatus::Running),
        number(Epoch::FIRST.0),
        run.worker.as_ref().map(WorkerId::as_str),
    ])?;
    if inserted == 0 {
        return Ok(Err(failure::there_already(&run.id)));
    }
    if let Some(basis) = &run.basis {
        let key = connection.last_insert_rowid();
        let insert = "INSERT INTO bases (run, basis) VALUES (?1, ?2)";
        let mut insert = connection.prepare_cached(insert)?;
        insert.execute(params![key, basis.as_str()])?;
    }
    Ok(Ok(Epoch::FIRST))
}

pub(super) fn append(
    connection: &Connection,
    run: &RunId,
    epoch: Epoch,
    rows: &Rows,
) -> Answer<()> {
    let log = match written_by(connection, run, epoch)? {
        Ok(log) if log.state.closed => return Ok(Err(failure::closed(run))),
        Ok(log) => log,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(place) = rows.follow(log.state.last, epoch) {
        return Ok(Err(failure::out_of_order(run, place)));
    }
    let Some(last) = rows.rows.last() else {
        return Ok(Ok(()));
    };
    let insert = "INSERT INTO events (run, seq, event) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(insert)?;
    for row in &rows.rows {
        insert.execute(params![log.key, row.seq, row.event])?;
    }
    let changed = rows.changed.map(|at| number(at.as_unix_millis()));
    let update = "UPDATE runs SET last_epoch = ?2, last_seq = ?3, changed = ?4 WHERE key = ?1";
    let mut update = connection.prepare_cached(update)?;
    update.execute(params![log.key, number(epoch.0), last.seq, changed])?;
    // Apart, because it is in an index, and most appends bring none.
    if let Some(status) = rows.status.filter(|status| *status != log.state.status) {
        // What waits or has ended is no worker's.
        let keeps_worker = status == RunStatus::Running;
        let update = "UPDATE runs SET status = ?2, worker = iif(?3, worker, NULL) WHERE key = ?1";
        let mut update = connection.prepare_cached(update)?;
        update.execute(params![log.key, status_name(status), keeps_worker])?;
    }
    Ok(Ok(()))
}

/// Who opens a log again.
pub(super) enum Opener {
    Anybody,
    /// A worker, if the run isn't another's at a moment.
    Worker(WorkerId, Timestamp),
}

pub(super) fn reopen(connection: &Connection, run: &RunId, opener: &Opener) -> Answer<RunState> {
    let mut log = match queries::log(connection, run)? {
        Ok(log) if log.state.closed => return Ok(Err(failure::closed(run))),
        Ok(log) => log,
        Err(error) => return Ok(Err(error)),
    };
    let worker = match opener {
        Opener::Anybody => None,
        Opener::Worker(worker, now) => {
            let others = queries::others_until(connection, &log, worker)?;
            if others.is_some_and(|until| until > *now) {
                return Ok(Err(failure::claimed(run)));
            }
            Some(worker.as_str())
        }
    };
    log.state.epoch.0 += 1;
    let update = "UPDATE runs SET epoch = ?2, worker = ?3 WHERE key = ?1";
    let mut update = connection.prepare_cached(update)?;
    update.execute(params![log.key, number(log.state.epoch.0), worker])?;
    Ok(Ok(log.state))
}

/// Gives a worker a lease, and forgets those whose lease was over long ago.
pub(super) fn lease(connection: &Connection, worker: &WorkerId, until: Timestamp) -> Answer<()> {
    let upsert = "INSERT INTO workers (id, until) VALUES (?1, ?2)
        ON CONFLICT (id) DO UPDATE SET until = excluded.until";
    let mut upsert = connection.prepare_cached(upsert)?;
    upsert.execute(params![worker.as_str(), number(until.as_unix_millis())])?;
    // A lease that isn't there is over, too.
    let forget = "DELETE FROM workers WHERE until < ?1";
    let long_ago = number(Timestamp::now().as_unix_millis()) - FORGOTTEN_AFTER;
    connection.prepare_cached(forget)?.execute([long_ago])?;
    Ok(Ok(()))
}

pub(super) fn close(connection: &Connection, run: &RunId, epoch: Epoch) -> Answer<()> {
    let log = match written_by(connection, run, epoch)? {
        Ok(log) => log,
        Err(error) => return Ok(Err(error)),
    };
    let update = "UPDATE runs SET closed = 1 WHERE key = ?1";
    connection.prepare_cached(update)?.execute([log.key])?;
    Ok(Ok(()))
}

pub(super) fn delete(connection: &Connection, run: &RunId) -> Answer<bool> {
    let delete = "DELETE FROM runs WHERE id = ?1 RETURNING key";
    let mut delete = connection.prepare_cached(delete)?;
    let key: Option<i64> = delete
        .query_row([run.as_str()], |row| row.get(0))
        .optional()?;
    let Some(key) = key else {
        return Ok(Ok(false));
    };
    for delete in [
        "DELETE FROM events WHERE run = ?1",
        "DELETE FROM bases WHERE run = ?1",
    ] {
        connection.prepare_cached(delete)?.execute([key])?;
    }
    Ok(Ok(true))
}

/// The log, if this is the epoch of its newest writer.
fn written_by(connection: &Connection, run: &RunId, epoch: Epoch) -> Answer<queries::Log> {
    let log = queries::log(connection, run)?;
    Ok(log.and_then(|log| match log.state.epoch {
        newest if newest == epoch => Ok(log),
        newest => Err(failure::fenced(run, epoch, newest)),
    }))
}
