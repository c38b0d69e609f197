//! The tables, and whether a file has them.

use rusqlite::{Connection, TransactionBehavior};

use super::file::Unopened;

/// By which a file is known to be ours: `MSTR`.
const APPLICATION: i64 = 0x4d53_5452;
const VERSION: i64 = 3;

/// A log's events lie together, in their order, so that reading one is a single sweep. What a list
/// doesn't show (events, what runs began with, contexts) stands where a list doesn't read.
///
/// They are those of the first format; [`CHANGES`] come on top.
const TABLES: &str = "
CREATE TABLE runs (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    owner TEXT,
    created INTEGER NOT NULL,
    status TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    last_epoch INTEGER,
    last_seq INTEGER,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_age ON runs (created, id);
CREATE INDEX runs_by_owner ON runs (owner, created, id);
CREATE INDEX open_runs_by_age ON runs (created, id) WHERE closed = 0;
CREATE INDEX open_runs_by_owner ON runs (owner, created, id) WHERE closed = 0;

CREATE TABLE bases (
    run INTEGER PRIMARY KEY,
    basis TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    saved INTEGER NOT NULL,
    save INTEGER NOT NULL,
    context TEXT NOT NULL,
    PRIMARY KEY (owner, id)
) STRICT;
CREATE INDEX conversations_by_save ON conversations (owner, save, id, version, saved);
";

/// What makes the next format of each one: a file is of the first format, and so many changes.
const CHANGES: [&str; 2] = [
    "
ALTER TABLE runs ADD COLUMN changed INTEGER;
UPDATE runs SET changed = (
    SELECT CASE WHEN json_valid(event) THEN event ->> '$.at' END
    FROM events WHERE events.run = runs.key AND events.seq = runs.last_seq
);
CREATE INDEX runs_by_name ON runs (name, created, id);
CREATE INDEX runs_by_status ON runs (status, created, id);
",
    "
ALTER TABLE runs ADD COLUMN worker TEXT;
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
];

/// What stands in a file.
#[derive(PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// It is ours, and lacks that many of the last [`CHANGES`].
    Ours(usize),
}

/// Whether a file is empty or ours; else it is refused. Changes nothing.
pub(super) fn check(connection: &Connection) -> Result<Found, Unopened> {
    // At one moment: another process may be making the tables.
    let moment = connection.unchecked_transaction()?;
    let found = look(&moment)?;
    moment.finish()?;
    Ok(found)
}

/// Makes the tables, or brings them up to date, unless another process has done so meanwhile.
pub(super) fn make(connection: &mut Connection) -> Result<(), Unopened> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let missing = match look(&change)? {
        Found::Nothing => {
            change.execute_batch(TABLES)?;
            change.pragma_update(None, "application_id", APPLICATION)?;
            CHANGES.len()
        }
        Found::Ours(missing) => missing,
    };
    for missing in &CHANGES[CHANGES.len() - missing..] {
        change.execute_batch(missing)?;
    }
    if missing > 0 {
        change.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(change.commit()?)
}

fn look(connection: &Connection) -> Result<Found, Unopened> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let reason = match (application, version, tables) {
        (0, 0, 0) => return Ok(Found::Nothing),
        (APPLICATION, version @ 1..=VERSION, _) => {
            let missing = usize::try_from(VERSION - version).unwrap_or_default();
            return Ok(Found::Ours(missing));
        }
        (APPLICATION, newer, _) => format!(
            "has the format {newer}, of a newer version of Mainstem; this one knows {VERSION}: take \
             the newer one, or another file"
        ),
        _ => "is another program's; give a file of its own".to_owned(),
    };
    Err(Unopened::Refused(reason))
}

#[cfg(test)]
mod tests {
    use mainstem_core::{RunQuery, RunStatus, Timestamp};

    use super::*;
    use crate::sqlite::{file::File, queries};

    #[test]
    fn a_file_of_the_first_format_becomes_one_of_this() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(TABLES).unwrap();
        old.pragma_update(None, "application_id", APPLICATION)
            .unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        let rows = "
            INSERT INTO runs VALUES (1, 'a', 'guide', NULL, 5, 'finished', 1, 1, 2, 1);
            INSERT INTO runs VALUES (2, 'b', 'guide', NULL, 6, 'running', 1, NULL, NULL, 0);
            INSERT INTO runs VALUES (3, 'c', 'guide', NULL, 7, 'running', 1, 1, 1, 0);
            INSERT INTO events VALUES (1, 1, '{\"at\":8}'), (1, 2, '{\"at\":9}'), (3, 1, 'spoilt');";
        old.execute_batch(rows).unwrap();
        drop(old);

        for _ in 0..2 {
            let file = File::new(&path).unwrap().open().unwrap();
            let free = RunQuery::new(9).free(Timestamp::from_unix_millis(1));
            let runs = queries::list(&file, &free.name("guide"));
            let changed: Vec<_> = runs
                .unwrap()
                .unwrap()
                .into_iter()
                .map(|run| (run.status, run.changed.map(Timestamp::as_unix_millis)))
                .collect();
            let running = RunStatus::Running;
            let expected = [
                (running, None),
                (running, None),
                (RunStatus::Finished, Some(9)),
            ];
            assert_eq!(changed, expected);
        }
    }
}
