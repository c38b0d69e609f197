//! Logs and conversations in a file of SQLite.

mod changes;
mod conversations;
mod failure;
mod file;
mod log_page;
mod queries;
mod readers;
mod runs;
mod schema;
mod tail;
mod tails;
mod writer;

use std::{fmt, path::Path, sync::Arc, thread};

use mainstem_core::{Result, RunId};
use rusqlite::Connection;
use tokio::sync::oneshot;

use self::{
    changes::Answer,
    file::File,
    readers::Readers,
    tails::Tails,
    writer::{Change, Writer},
};

/// Logs of runs, and conversations, in one file of SQLite.
///
/// A clone is the same store. The file may be open several times, by several processes of one
/// machine: a writer's epoch is checked where it writes, and a tail sees what other processes
/// append, after 20 ms or so.
///
/// What was acknowledged survives the death of the process. With
/// [`Durability::Power`](mainstem_core::Durability::Power) it survives the loss of power too, and so
/// does all that was acknowledged before it: logs that begin, end or are deleted, and conversations,
/// always have that.
///
/// Futures of this store do nothing until they are polled. One that is dropped after that may or
/// may not have done its work.
///
/// One thread of the store's own writes, and others read; no future blocks the thread that polls
/// it, and none needs a runtime. The threads end, and the file is closed, once the last clone, and
/// the last tail, is dropped.
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{Context, Conversation, Conversations};
/// use mainstem_store::SqliteStore;
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let file = directory.path().join("chats.db");
/// let store = SqliteStore::open(&file).await?;
/// store.save(Conversation::new("c1", "ada", Context::new().snapshot())).await?;
///
/// let elsewhere = SqliteStore::open(&file).await?;
/// assert!(elsewhere.load("ada", "c1").await?.is_some());
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    parts: Arc<Parts>,
}

struct Parts {
    file: File,
    writer: Writer,
    readers: Readers,
    tails: Arc<Tails>,
}

impl SqliteStore {
    /// Opens a file, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`](mainstem_core::ErrorKind::Store), if the directory doesn't
    /// exist, the file can't be read or written, is no database, is another program's, or is one of
    /// a newer version of Mainstem. Such a file is left as it is.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = File::new(path.as_ref())?;
        let (tell, told) = oneshot::channel();
        let opened = file.clone();
        // The file is opened where it may block, and that thread then is the writer's.
        let thread = thread::Builder::new().name("mainstem-write".to_owned());
        let spawned = thread.spawn(move || match Self::begin(&opened) {
            Ok((store, orders)) => {
                // If nobody waits, that was the last handle, and there are no orders.
                let _nobody_waits = tell.send(Ok(store));
                orders.carry_out();
            }
            Err(error) => {
                let _nobody_waits = tell.send(Err(error));
            }
        });
        spawned.map_err(|error| file.no_thread(error))?;
        told.await.map_err(|_| file.gone())?
    }

    /// Opens all connections.
    fn begin(file: &File) -> Result<(Self, writer::Orders)> {
        let connection = file.open()?;
        let (readers, threads) = Readers::start(file)?;
        let tails = Arc::new(Tails::default());
        let (writer, orders) = writer::new(file.clone(), connection, Arc::clone(&tails), threads);
        let parts = Parts {
            file: file.clone(),
            writer,
            readers,
            tails,
        };
        let parts = Arc::new(parts);
        Ok((Self { parts }, orders))
    }

    /// Changes the file, synced to the disk or not; wakes the tails of the run, if it is of one.
    async fn change<T: Send + 'static>(
        &self,
        synced: bool,
        run: Option<RunId>,
        change: impl FnMut(&Connection) -> Answer<T> + Send + 'static,
    ) -> Result<T> {
        let (change, answer) = Change::new(synced, run, change);
        let parts = &self.parts;
        parts.writer.send(change).await?;
        answer.await.map_err(|_| parts.file.gone())?
    }

    /// Reads from one moment's state of the file.
    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Answer<T> + Send + 'static,
    ) -> Result<T> {
        self.parts.readers.query(query).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("file", &self.parts.file.path())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi::ErrorCode;

    use super::*;

    async fn store(directory: &tempfile::TempDir) -> SqliteStore {
        let file = directory.path().join("runs.db");
        SqliteStore::open(file).await.unwrap()
    }

    #[test]
    fn a_commit_reaches_the_disk_if_one_of_its_changes_has_to() {
        let directory = tempfile::tempdir().unwrap();
        futures::executor::block_on(async {
            let store = store(&directory).await;
            // SQLite's words: 1 is NORMAL, 2 is FULL.
            let level = |connection: &Connection| {
                let level = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
                Ok(Ok::<i64, mainstem_core::Error>(level))
            };
            for (synced, expected) in [(true, 2), (false, 1), (false, 1), (true, 2)] {
                assert_eq!(store.change(synced, None, level).await.unwrap(), expected);
            }
            let (slow, begun) = (
                store.change(false, None, pause),
                store.change(false, None, level),
            );
            let last = store.change(true, None, level);
            let (_, begun, last) = futures::join!(slow, begun, last);
            assert_eq!((begun.unwrap(), last.unwrap()), (2, 2), "they queued up");
        });
    }

    /// Long enough for others to queue up behind it.
    fn pause(_: &Connection) -> Answer<()> {
        thread::sleep(std::time::Duration::from_millis(200));
        Ok(Ok(()))
    }

    #[test]
    fn a_change_that_cannot_be_made_fails_alone_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        futures::executor::block_on(async {
            let store = store(&directory).await;
            let insert = |id: &'static str| {
                move |connection: &Connection| {
                    let insert = "INSERT INTO bases (run, basis) VALUES (?1, ?1)";
                    connection.execute(insert, [id])?;
                    Ok(Ok(()))
                }
            };
            let (slow, one) = (store.change(false, None, pause), insert("1"));
            let broken = move |connection: &Connection| {
                insert("2")(connection)?.unwrap();
                insert("no number")(connection)
            };
            let others = (
                store.change(false, None, one),
                store.change(false, None, broken),
            );
            let last = store.change(false, None, insert("3"));
            let (_, one, broken, last) = futures::join!(slow, others.0, others.1, last);
            assert!(one.is_ok() && last.is_ok());
            let error = broken.unwrap_err();
            let source = std::error::Error::source(&error).unwrap();
            let source = source.downcast_ref::<rusqlite::Error>().unwrap();
            let code = source.sqlite_error_code();
            assert_eq!(code, Some(ErrorCode::TypeMismatch));
            let runs = |connection: &Connection| {
                let sql = "SELECT group_concat(run) FROM bases";
                let runs = connection.query_row(sql, [], |row| row.get(0))?;
                Ok(Ok::<String, mainstem_core::Error>(runs))
            };
            assert_eq!(store.query(runs).await.unwrap(), "1,3");
        });
    }
}
