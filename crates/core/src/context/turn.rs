//! Turns of runs on a context.

use std::{cell::RefCell, future::poll_fn, pin::pin, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Busy, Context};
use crate::{Error, ErrorKind, Result};

thread_local! {
    /// The turns of the runs that are polled on this thread now, each inside of the one before.
    static POLLED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The turn of one run on a context; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    permit: OwnedSemaphorePermit,
}

/// That a turn is that of a run which is polled; ends when it is dropped, also by a panic.
struct Polled;

impl Context {
    /// Takes the turn, when it comes.
    pub(crate) async fn begin_turn(&self, busy: Busy) -> Result<Turn> {
        let turn = Arc::clone(&self.0.turn);
        if Polled::has(&turn) {
            return Err(Error::new(
                ErrorKind::Busy,
                "the run around this one is using the context, so its turn would never come; do this as a \
                 step of that run, by `RunContext::run`, or give it another context",
            ));
        }
        let permit = match busy {
            Busy::Wait => turn.acquire_owned().await.ok(),
            Busy::Refuse => turn.try_acquire_owned().ok(),
        };
        match permit {
            Some(permit) => Ok(Turn { permit }),
            None => Err(Error::new(
                ErrorKind::Busy,
                "another run is using the context; wait for it, or allow waiting by `Busy::Wait`",
            )),
        }
    }
}

impl Turn {
    /// Does the work of the run whose turn it is. A run inside of it can't wait for the same turn.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|task| {
            let _polled = Polled::begin(self.permit.semaphore());
            work.as_mut().poll(task)
        })
        .await
    }
}

impl Polled {
    fn begin(turn: &Arc<Semaphore>) -> Self {
        POLLED.with_borrow_mut(|polled| polled.push(Arc::as_ptr(turn).addr()));
        Self
    }

    fn has(turn: &Arc<Semaphore>) -> bool {
        POLLED.with_borrow(|polled| polled.contains(&Arc::as_ptr(turn).addr()))
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        POLLED.with_borrow_mut(Vec::pop);
    }
}
