use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::Recorded;

/// A client that left while its reply was being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnect {
    /// The request whose reply was being sent: its place among all requests, from 0.
    pub request: usize,
    /// The connection, from 0.
    pub connection: usize,
    /// When the server noticed.
    pub at: Instant,
    /// How many body bytes of the reply the kernel had taken.
    pub body_bytes: u64,
}

/// What the server has seen and done so far.
#[derive(Debug, Default)]
pub(crate) struct Log {
    state: Mutex<State>,
    changed: Notify,
    bytes_written: AtomicU64,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) requests: Vec<Recorded>,
    pub(crate) disconnects: Vec<Disconnect>,
    /// How many disconnects were handed out one by one.
    pub(crate) handed_out: usize,
    pub(crate) connections: usize,
    pub(crate) active: usize,
}

/// A reply under way; dropping it says that it is over.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    log: &'a Log,
    request: usize,
    connection: usize,
    body_bytes: u64,
}

impl Log {
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    pub(crate) fn bytes_written(&self) -> u64 {
        self.bytes_written.load(Ordering::Acquire)
    }

    /// Waits until `look` finds what it looks for.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }

    /// Counts a connection and returns its number.
    pub(crate) fn connected(&self) -> usize {
        self.change(|state| {
            state.connections += 1;
            state.connections - 1
        })
    }

    /// Records a request, gives it its number, and counts its reply as under way.
    pub(crate) fn requested(&self, mut request: Recorded) -> (Recorded, Sending<'_>) {
        self.change(|state| {
            request.index = state.requests.len();
            state.requests.push(request.clone());
            state.active += 1;
        });
        let sending = Sending {
            log: self,
            request: request.index,
            connection: request.connection,
            body_bytes: 0,
        };
        (request, sending)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending<'_> {
    /// Counts body bytes that the kernel took.
    pub(crate) fn wrote(&mut self, body_bytes: u64) {
        self.body_bytes += body_bytes;
        self.log
            .bytes_written
            .fetch_add(body_bytes, Ordering::AcqRel);
    }

    /// Records that the client left.
    pub(crate) fn disconnected(&self) {
        let disconnect = Disconnect {
            request: self.request,
            connection: self.connection,
            at: Instant::now(),
            body_bytes: self.body_bytes,
        };
        self.log.change(|state| state.disconnects.push(disconnect));
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.log.change(|state| state.active -= 1);
    }
}
