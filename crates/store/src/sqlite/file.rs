use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use mainstem_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, MAIN_DB, OpenFlags, ffi::ErrorCode};

use super::{
    failure,
    schema::{self, Found},
};

/// How long a connection waits for one of another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits between two looks. Writers hold their lock for about as long; SQLite's own way
/// of waiting ends up at a tenth of a second.
const PAUSE: Duration = Duration::from_millis(1);
/// To which size the log of changes that weren't yet moved into the file shrinks again.
const WAL_BYTES: i64 = 64 << 20;

/// The file of a database.
#[derive(Clone)]
pub(super) struct File(Arc<Path>);

impl File {
    /// # Errors
    ///
    /// SQLite has two names that aren't files, and each connection to one sees a database of its own.
    pub(super) fn new(path: &Path) -> Result<Self> {
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            let message =
                "SqliteStore::open needs the path of a file; in memory, take a MemoryStore";
            return Err(Error::new(ErrorKind::Store, message));
        }
        Ok(Self(PathBuf::from(path).into()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A connection to the file, which is ours and of this version then.
    pub(super) fn open(&self) -> Result<Connection> {
        let began = Instant::now();
        loop {
            match self.try_open() {
                // Two that make a file at the same time may get into each other's way, and SQLite
                // doesn't wait then.
                Err(Unopened::Sqlite(error))
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && began.elapsed() < PATIENCE =>
                {
                    thread::sleep(PAUSE);
                }
                Err(Unopened::Sqlite(error)) => return Err(self.cannot_open(error)),
                Err(Unopened::Refused(reason)) => return Err(self.error(&reason)),
                Ok(connection) => return Ok(connection),
            }
        }
    }

    fn try_open(&self) -> std::result::Result<Connection, Unopened> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&*self.0, flags)?;
        connection.busy_handler(Some(wait))?;
        connection.set_prepared_statement_cache_capacity(64);
        // Nothing is changed before it is known whose file it is.
        let found = schema::check(&connection)?;
        if connection.is_readonly(MAIN_DB)? {
            let reason = "can't be written; give this process the right to write it";
            return Err(Unopened::Refused(reason.to_owned()));
        }
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if mode != "wal" {
            let reason = "is where SQLite has no write-ahead log; put it on a local disk";
            return Err(Unopened::Refused(reason.to_owned()));
        }
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
        // Only macOS knows it: there, nothing else reaches the disk.
        connection.pragma_update(None, "fullfsync", true)?;
        if found != Found::Ours(0) {
            schema::make(&mut connection)?;
        }
        Ok(connection)
    }

    fn cannot_open(&self, error: rusqlite::Error) -> Error {
        let directory = self.0.parent().filter(|path| !path.as_os_str().is_empty());
        let reason = match (error.sqlite_error_code(), directory) {
            (Some(ErrorCode::CannotOpen), _) if self.0.is_dir() => {
                "is a directory; give the path of a file in it".to_owned()
            }
            (Some(ErrorCode::CannotOpen), Some(directory)) if !directory.is_dir() => {
                let directory = directory.display();
                format!("can't be made: there is no directory `{directory}`; make it first")
            }
            _ => failure::reason(&error),
        };
        self.error(&reason).with_source(error)
    }

    /// What went wrong with SQLite, of kind `Store`.
    pub(super) fn failed(&self, error: rusqlite::Error) -> Error {
        let is_busy = error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        self.error(&failure::reason(&error))
            .retryable(is_busy)
            .with_source(error)
    }

    pub(super) fn no_thread(&self, error: std::io::Error) -> Error {
        self.error("can't be opened: the system gives no thread for it")
            .with_source(error)
    }

    /// A thread of the store ended before its time.
    pub(super) fn gone(&self) -> Error {
        self.error("isn't served any more: its thread ended; open it again")
    }

    fn error(&self, reason: &str) -> Error {
        let path = self.0.display();
        Error::new(ErrorKind::Store, format!("the database `{path}` {reason}"))
    }
}

/// Why a file wasn't opened.
pub(super) enum Unopened {
    /// It isn't ours, or not for us: what there is to say of it.
    Refused(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Unopened {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether to look again whether a lock is free, after so many times.
fn wait(times: i32) -> bool {
    thread::sleep(PAUSE);
    u128::try_from(times).is_ok_and(|times| times * PAUSE.as_millis() < PATIENCE.as_millis())
}
