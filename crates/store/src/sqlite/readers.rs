//! The threads that read, each on a connection of its own.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use mainstem_core::Result;
use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::{changes::Answer, file::File};

/// How many read at once. Most of a query is in memory: more threads would compete for the cores.
const READERS: usize = 2;
/// How many queries may wait.
const ROOM: usize = 256;

type Query = Box<dyn FnOnce(&Connection) + Send>;

pub(super) struct Readers {
    queries: mpsc::Sender<Query>,
    room: Arc<Semaphore>,
    file: File,
}

impl Readers {
    /// Starts the threads, which end once this is dropped.
    pub(super) fn start(file: &File) -> Result<(Self, Vec<JoinHandle<()>>)> {
        let (sender, queries) = mpsc::channel();
        let queries = Arc::new(Mutex::new(queries));
        let mut threads = Vec::new();
        for _ in 0..READERS {
            let connection = file.open()?;
            let queries = Arc::clone(&queries);
            let thread = thread::Builder::new().name("mainstem-read".to_owned());
            let spawned = thread.spawn(move || answer(&connection, &queries));
            threads.push(spawned.map_err(|error| file.no_thread(error))?);
        }
        let readers = Self {
            queries: sender,
            room: Arc::new(Semaphore::new(ROOM)),
            file: file.clone(),
        };
        Ok((readers, threads))
    }

    /// Asks one of the threads. All that a query reads is of one moment.
    pub(super) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Answer<T> + Send + 'static,
    ) -> Result<T> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| self.file.gone())?;
        let (tell, told) = oneshot::channel();
        let file = self.file.clone();
        let asked = self.queries.send(Box::new(move |connection| {
            let answer = at_one_moment(connection, query);
            drop(room);
            let _nobody_waits = tell.send(answer.unwrap_or_else(|error| Err(file.failed(error))));
        }));
        asked.map_err(|_| self.file.gone())?;
        told.await.map_err(|_| self.file.gone())?
    }
}

fn at_one_moment<T>(
    connection: &Connection,
    query: impl FnOnce(&Connection) -> Answer<T>,
) -> Answer<T> {
    let transaction = connection.unchecked_transaction()?;
    let answer = query(&transaction)?;
    transaction.finish()?;
    Ok(answer)
}

fn answer(connection: &Connection, queries: &Mutex<mpsc::Receiver<Query>>) {
    loop {
        // Whoever waits holds the lock, and lets it go with the query in hand.
        let queries = queries.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(query) = queries.recv() else { return };
        drop(queries);
        query(connection);
    }
}
