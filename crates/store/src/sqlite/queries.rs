//! What is read of runs.

use mainstem_core::{
    Epoch, Json, NewRun, Place, Result, RunId, RunQuery, RunState, RunStatus, Seq, Timestamp,
    WorkerId,
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

/// Until when the run is another worker's; none, if it is this one's or nobody's.
pub(super) fn others_until(
    connection: &Connection,
    log: &Log,
    worker: &WorkerId,
) -> rusqlite::Result<Option<Timestamp>> {
    let select = "SELECT until FROM runs JOIN workers ON workers.id = runs.worker
        WHERE runs.key = ?1 AND runs.worker <> ?2";
    let mut select = connection.prepare_cached(select)?;
    let until = select.query_row(params![log.key, worker.as_str()], |row| row.get(0));
    let until: Option<i64> = until.optional()?;
    Ok(until.map(|millis| Timestamp::from_unix_millis(count(millis))))
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
    let moment = |moment: Option<Timestamp>| number(moment.unwrap_or_default().as_unix_millis());
    let (created, id) = match &query.after {
        Some((created, id)) => (Some(*created), id.as_str()),
        None => Default::default(),
    };
    let statuses: Vec<_> = query.statuses.iter().copied().map(status_name).collect();
    let rows = params![
        query.owner.as_deref(),
        query.name.as_deref(),
        json_list(&statuses),
        moment(query.since),
        moment(query.until),
        moment(created),
        id,
        moment(query.free),
        limit(query.limit)
    ];
    let rows = select.query_map(rows, state)?;
    let states: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(states.into_iter().collect())
}

fn json_list(statuses: &[String]) -> String {
    match statuses {
        // As one term it finds its index.
        [status] => status.clone(),
        statuses => serde_json::Value::from(statuses).to_string(),
    }
}

/// One term of each query chooses the index, in which the rows lie in their order; the others only
/// leave rows out, and say so by a plus. So there is never anything to sort.
fn list_sql(query: &RunQuery) -> String {
    let by_owner = query.owner.is_some();
    let by_name = query.name.is_some() && !by_owner && !query.open;
    let by_status = query.statuses.len() == 1 && !by_name && !by_owner && !query.open;
    let mut terms = Vec::new();
    if by_owner {
        terms.push("owner = ?1");
    }
    if query.open {
        terms.push("closed = 0");
    }
    match &query.name {
        Some(_) if by_name => terms.push("name = ?2"),
        Some(_) => terms.push("+name = ?2"),
        None => {}
    }
    match query.statuses.len() {
        0 => {}
        1 if by_status => terms.push("status = ?3"),
        1 => terms.push("+status = ?3"),
        _ => terms.push("+status IN (SELECT value FROM json_each(?3))"),
    }
    if query.since.is_some() {
        terms.push("created >= ?4");
    }
    // Of two limits the index would take either, and read up to the other.
    let goes_on = query.after.as_ref().map(|(created, _)| *created);
    match (query.until, goes_on) {
        (Some(until), Some(created)) if created >= until => terms.push("created < ?5"),
        (_, Some(_)) => terms.push("(created, id) < (?6, ?7)"),
        (Some(_), None) => terms.push("created < ?5"),
        (None, None) => {}
    }
    if query.free.is_some() {
        terms.push(
            "NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = runs.worker AND until > ?8)",
        );
    }
    let terms = match terms.is_empty() {
        true => "TRUE".to_owned(),
        false => terms.join(" AND "),
    };
    format!("SELECT {STATE} FROM runs WHERE {terms} ORDER BY created DESC, id DESC LIMIT ?9")
}

/// The columns of [`state`], and how many they are.
const STATE: &str =
    "id, name, owner, created, status, epoch, last_epoch, last_seq, closed, changed";
const STATES: usize = 10;

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
    let changed: Option<i64> = row.get(9)?;
    state.changed = changed.map(|millis| Timestamp::from_unix_millis(count(millis)));
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
        let nothing = params![None::<String>, "", "", 0, 0, 0, "", 0, 0];
        let rows = explain.query_map(nothing, |row| row.get::<_, String>(3));
        let rows: rusqlite::Result<Vec<_>> = rows.unwrap().collect();
        rows.unwrap().join("; ")
    }

    #[test]
    fn no_list_sorts_or_leaves_its_index() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::new(&directory.path().join("runs.db")).unwrap();
        let connection = file.open().unwrap();
        let row = RunState::new(NewRun::new("r", "guide"));
        let all = RunQuery::new(9);
        let (ada, guide) = (all.clone().owner("ada"), all.clone().name("guide"));
        let failed = all.clone().status(RunStatus::Failed);
        let ended = failed.clone().status(RunStatus::Finished);
        let mine = ada.clone().name("guide").status(RunStatus::Failed);
        for (query, index) in [
            (all.clone(), "runs_by_age"),
            (all.open(), "open_runs_by_age"),
            (ada.clone(), "runs_by_owner"),
            (ada.open(), "open_runs_by_owner"),
            (guide.clone(), "runs_by_name"),
            (guide.clone().status(RunStatus::Failed), "runs_by_name"),
            (guide.open(), "open_runs_by_age"),
            (failed, "runs_by_status"),
            (ended, "runs_by_age"),
            (mine.clone(), "runs_by_owner"),
            (mine.open(), "open_runs_by_owner"),
        ] {
            let (since, until) = (Timestamp::from_unix_millis(5), Timestamp::now());
            let between = query.clone().since(since).until(until);
            for query in [
                query.clone().after(&row),
                query.clone().free(until),
                query,
                between.clone(),
                between.after(&row),
            ] {
                let plan = plan(&connection, &query);
                assert!(plan.contains(&format!("USING INDEX {index}")), "{plan}");
                assert!(!plan.contains("B-TREE"), "{plan}");
                let is_bounded = query.after.is_some() || query.until.is_some();
                assert!(!is_bounded || plan.contains("created"), "{plan}");
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
