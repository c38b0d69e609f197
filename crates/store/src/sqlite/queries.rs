//! What is read of runs.

use mainstem_core::{
    Epoch, Json, NewRun, Place, Result, RunId, RunQuery, RunState, RunStatus, Seq, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{changes::Answer, failure};

/// What is known of a log, and by which number its events are found.
pub(super) struct Log {
    pub(super) key: i64,
    pub(super) state: RunState,
}

/// SQLite's numbers have 63 bits; no clock and no count gets there.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn log(connection: &Connection, run: &RunId) -> Answer<Log> {
    let select = format!("SELECT {STATE}, key FROM runs WHERE id = ?1");
    let mut select = connection.prepare_cached(&select)?;
    let log = select.query_row([run.as_str()], |row| Ok((row.get(STATES)?, state(row)?)));
    Ok(match log.optional()? {
        Some((key, state)) => state.map(|state| Log { key, state }),
        None => Err(failure::no_log(run)),
    })
}

pub(super) fn basis(connection: &Connection, run: &RunId) -> Answer<Option<Json>> {
    let select = "SELECT basis FROM runs LEFT JOIN bases ON bases.run = runs.key WHERE id = ?1";
    let mut select = connection.prepare_cached(select)?;
    let basis = select.query_row([run.as_str()], |row| row.get::<_, Option<String>>(0));
    Ok(match basis.optional()? {
        Some(Some(basis)) => match Json::parse(basis) {
            Ok(basis) => Ok(Some(basis)),
            Err(_) => Err(failure::unreadable_state(run.as_str())),
        },
        Some(None) => Ok(None),
        None => Err(failure::no_log(run)),
    })
}

pub(super) fn list(connection: &Connection, query: &RunQuery) -> Answer<Vec<RunState>> {
    let mut select = connection.prepare_cached(&list_sql(query))?;
    let (created, id) = match &query.after {
        Some((created, id)) => (created.as_unix_millis(), id.as_str()),
        None => Default::default(),
    };
    let owner = query.owner.as_deref();
    let rows = params![owner, number(created), id, limit(query.limit)];
    let rows = select.query_map(rows, state)?;
    let states: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(states.into_iter().collect())
}

/// Each kind of query has an index of its own.
fn list_sql(query: &RunQuery) -> String {
    let mut terms = Vec::new();
    if query.owner.is_some() {
        terms.push("owner = ?1");
    }
    if query.open {
        terms.push("closed = 0");
    }
    if query.after.is_some() {
        terms.push("(created, id) < (?2, ?3)");
    }
    let terms = match terms.is_empty() {
        true => "TRUE".to_owned(),
        false => terms.join(" AND "),
    };
    format!("SELECT {STATE} FROM runs WHERE {terms} ORDER BY created DESC, id DESC LIMIT ?4")
}

/// The columns of [`state`], and how many they are.
const STATE: &str = "id, name, owner, created, status, epoch, last_epoch, last_seq, closed";
const STATES: usize = 9;

fn state(row: &Row<'_>) -> rusqlite::Result<Result<RunState>> {
    let id: String = row.get(0)?;
    let status: String = row.get(4)?;
    let Some(status) = status_of(&status) else {
        return Ok(Err(failure::unreadable_state(&id)));
    };
    let mut run = NewRun::new(id, row.get::<_, String>(1)?);
    run.owner = row.get::<_, Option<String>>(2)?.map(Into::into);
    run.created = Timestamp::from_unix_millis(count(row.get(3)?));
    let mut state = RunState::new(run);
    state.status = status;
    state.epoch = Epoch(count(row.get(5)?));
    let last: (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
    if let (Some(epoch), Some(seq)) = last {
        state.last = Some(Place::new(Epoch(count(epoch)), Seq(count(seq))));
    }
    state.closed = row.get(8)?;
    Ok(Ok(state))
}

/// The way back from [`number`].
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// A status as its JSON has it.
pub(super) fn status_name(status: RunStatus) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(name)) => name,
        // Its JSON is a string.
        _ => String::new(),
    }
}

fn status_of(name: &str) -> Option<RunStatus> {
    serde_json::from_value(name.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::file::File;

    /// What SQLite means to do for a query of runs.
    fn plan(connection: &Connection, query: &RunQuery) -> String {
        let explain = format!("EXPLAIN QUERY PLAN {}", list_sql(query));
        let mut explain = connection.prepare(&explain).unwrap();
        let nothing = params![None::<String>, 0, "", 0];
        let rows = explain.query_map(nothing, |row| row.get::<_, String>(3));
        let rows: rusqlite::Result<Vec<_>> = rows.unwrap().collect();
        rows.unwrap().join("; ")
    }

    #[test]
    fn no_list_sorts_or_reads_more_than_it_shows() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::new(&directory.path().join("runs.db")).unwrap();
        let connection = file.open().unwrap();
        let row = RunState::new(NewRun::new("r", "guide"));
        let all = RunQuery::new(9);
        for (query, index) in [
            (all.clone(), "runs_by_age"),
            (all.clone().open(), "open_runs_by_age"),
            (all.clone().owner("ada"), "runs_by_owner"),
            (all.owner("ada").open(), "open_runs_by_owner"),
        ] {
            for query in [query.clone(), query.after(&row)] {
                let plan = plan(&connection, &query);
                assert!(plan.contains(&format!("USING INDEX {index}")), "{plan}");
                assert!(!plan.contains("B-TREE"), "{plan}");
            }
        }
    }

    #[test]
    fn each_status_has_a_name() {
        for status in [
            RunStatus::Running,
            RunStatus::Suspended,
            RunStatus::Finished,
            RunStatus::Failed,
            RunStatus::Cancelled,
        ] {
            assert_eq!(status_of(&status_name(status)), Some(status));
        }
        assert_eq!(status_of("of tomorrow"), None);
    }
}
