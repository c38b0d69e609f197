//! The tables, and whether a file has them.

use rusqlite::{Connection, TransactionBehavior};

use super::file::Unopened;

/// By which a file is known to be ours: `MSTR`.
const APPLICATION: i64 = 0x4d53_5452;
const VERSION: i64 = 1;

/// A log's events lie together, in their order, so that reading one is a single sweep. What a list
/// doesn't show (events, what runs began with, contexts) stands where a list doesn't read.
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

/// What stands in a file.
#[derive(PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Ours,
}

/// Whether a file is empty or ours; else it is refused. Changes nothing.
pub(super) fn check(connection: &Connection) -> Result<Found, Unopened> {
    // At one moment: another process may be making the tables.
    let moment = connection.unchecked_transaction()?;
    let found = look(&moment)?;
    moment.finish()?;
    Ok(found)
}

/// Makes the tables, unless another process has made them meanwhile.
pub(super) fn make(connection: &mut Connection) -> Result<(), Unopened> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if look(&change)? == Found::Nothing {
        change.execute_batch(TABLES)?;
        change.pragma_update(None, "application_id", APPLICATION)?;
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
        (APPLICATION, VERSION, _) => return Ok(Found::Ours),
        (APPLICATION, newer, _) => format!(
            "has the format {newer}, of a newer version of Mainstem; this one knows {VERSION}: take \
             the newer one, or another file"
        ),
        _ => "is another program's; give a file of its own".to_owned(),
    };
    Err(Unopened::Refused(reason))
}
