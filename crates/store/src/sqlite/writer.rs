//! The one thread that writes: what has queued up meanwhile is one commit.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mainstem_core::{Error, Result, RunId};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{changes::Answer, file::File, tails::Tails};

/// How many changes may wait; so many at most are one commit.
const ROOM: usize = 256;
/// How often to look whether another process has written, while there are tails.
const LOOK: Duration = Duration::from_millis(20);

/// The way to the thread.
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    room: Arc<Semaphore>,
    file: File,
}

enum Order {
    Change(Change, OwnedSemaphorePermit),
    /// There is a tail now.
    Look,
}

/// One change to the file, and who waits for its answer.
pub(super) struct Change {
    synced: bool,
    run: Option<RunId>,
    work: Box<dyn Work>,
}

trait Work: Send {
    /// Does it, in a transaction; may be called again after one that was rolled back.
    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Waited<T, F> {
    change: F,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnMut(&Connection) -> Answer<T> + Send> Work for Waited<T, F> {
    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.outcome = Some((self.change)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let Self {
            outcome, answer, ..
        } = *self;
        let outcome = match committed {
            Ok(()) => outcome,
            Err(error) => Some(Err(error)),
        };
        if let Some(outcome) = outcome {
            let _nobody_waits = answer.send(outcome);
        }
    }
}

impl Change {
    pub(super) fn new<T: Send + 'static>(
        synced: bool,
        run: Option<RunId>,
        change: impl FnMut(&Connection) -> Answer<T> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T>>) {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(Waited {
            change,
            outcome: None,
            answer,
        });
        (Self { synced, run, work }, answered)
    }
}

pub(super) fn new(
    file: File,
    connection: Connection,
    tails: Arc<Tails>,
    readers: Vec<JoinHandle<()>>,
) -> (Writer, Orders) {
    let (sender, orders) = mpsc::channel();
    let writer = Writer {
        orders: sender,
        room: Arc::new(Semaphore::new(ROOM)),
        file: file.clone(),
    };
    let orders = Orders {
        orders,
        connection,
        file,
        tails,
        readers,
        synced: None,
        looked: Instant::now(),
        version: 0,
    };
    (writer, orders)
}

impl Writer {
    /// Queues a change, once there is room.
    pub(super) async fn send(&self, change: Change) -> Result<()> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| self.file.gone())?;
        let sent = self.orders.send(Order::Change(change, room));
        sent.map_err(|_| self.file.gone())
    }

    /// Tells the thread that there is a tail.
    pub(super) fn look(&self) {
        // If the thread is gone, the tail's next query says so.
        let _gone = self.orders.send(Order::Look);
    }
}

/// The thread's side.
pub(super) struct Orders {
    orders: mpsc::Receiver<Order>,
    connection: Connection,
    file: File,
    tails: Arc<Tails>,
    readers: Vec<JoinHandle<()>>,
    /// Whether commits are synced now.
    synced: Option<bool>,
    looked: Instant,
    /// By which SQLite tells whether another connection has written.
    version: i64,
}

type Batch = Vec<(Change, OwnedSemaphorePermit)>;

enum Broken {
    /// A change couldn't be made; maybe the others of its batch can.
    Change(rusqlite::Error),
    Commit(rusqlite::Error),
}

impl Orders {
    /// Does what it is told, until nobody is left to tell it anything.
    pub(super) fn carry_out(mut self) {
        while let Some(first) = self.next() {
            let mut batch = Batch::new();
            let queued = std::iter::once(first).chain(self.orders.try_iter().take(ROOM));
            for order in queued {
                if let Order::Change(change, room) = order {
                    batch.push((change, room));
                }
            }
            if !batch.is_empty() {
                self.commit(batch);
            }
            if self.looked.elapsed() >= LOOK {
                self.look();
            }
        }
        // SQLite tidies up when the last connection is closed, but not where several are closed at
        // the same time.
        for reader in self.readers.drain(..) {
            let _it_ended = reader.join();
        }
    }

    fn next(&mut self) -> Option<Order> {
        loop {
            if self.tails.are_none() {
                return self.orders.recv().ok();
            }
            match self.orders.recv_timeout(LOOK) {
                Ok(order) => return Some(order),
                Err(mpsc::RecvTimeoutError::Timeout) => self.look(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Wakes the tails, if another process has written.
    fn look(&mut self) {
        self.looked = Instant::now();
        if self.tails.are_none() {
            return;
        }
        let version = self.connection.prepare_cached("PRAGMA data_version");
        let version = version.and_then(|mut pragma| pragma.query_row([], |row| row.get(0)));
        // What can't be read now, the tails will hear from their queries.
        if version
            .as_ref()
            .is_ok_and(|version| *version == self.version)
        {
            return;
        }
        self.version = version.unwrap_or_default();
        self.tails.wake_all();
    }

    fn commit(&mut self, mut batch: Batch) {
        match self.transact(&mut batch) {
            Ok(()) => self.answer(batch, &Ok(())),
            // So that one that can't be made fails alone.
            Err(Broken::Change(_)) if batch.len() > 1 => {
                for change in batch {
                    self.commit(vec![change]);
                }
            }
            Err(Broken::Change(error) | Broken::Commit(error)) => {
                let error = self.file.failed(error);
                self.answer(batch, &Err(error));
            }
        }
    }

    fn transact(&mut self, batch: &mut Batch) -> std::result::Result<(), Broken> {
        let synced = batch.iter().any(|(change, _)| change.synced);
        if self.synced != Some(synced) {
            let level = if synced { "FULL" } else { "NORMAL" };
            let set = self.connection.pragma_update(None, "synchronous", level);
            set.map_err(Broken::Commit)?;
            self.synced = Some(synced);
        }
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior);
        let transaction = transaction.map_err(Broken::Commit)?;
        for (change, _) in batch {
            change.work.apply(&transaction).map_err(Broken::Change)?;
        }
        transaction.commit().map_err(Broken::Commit)
    }

    fn answer(&self, batch: Batch, committed: &Result<(), Error>) {
        for (change, _) in batch {
            change.work.answer(committed.clone());
            if let Some(run) = change.run {
                self.tails.wake(&run);
            }
        }
    }
}
