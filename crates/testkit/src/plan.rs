use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Recorded, Reply};

type Respond = Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>;

/// The replies that are still to come.
#[derive(Default)]
pub(crate) struct Plan {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Reply>,
    otherwise: Option<Respond>,
}

impl Plan {
    pub(crate) fn push(&self, reply: Reply) {
        self.lock().queue.push_back(reply);
    }

    /// Sets what answers when the queue is empty.
    pub(crate) fn otherwise(&self, respond: Respond) {
        self.lock().otherwise = Some(respond);
    }

    pub(crate) fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    pub(crate) fn next(&self, request: &Recorded) -> Reply {
        let mut inner = self.lock();
        if let Some(reply) = inner.queue.pop_front() {
            return reply;
        }
        let otherwise = inner.otherwise.clone();
        // The closure is foreign code: it must not run under the lock.
        drop(inner);
        match otherwise {
            Some(respond) => respond(request),
            None => unscripted(request.index),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the test forgot a reply, with a status that clients don't retry.
fn unscripted(index: usize) -> Reply {
    Reply::error_status(
        400,
        &format!("testkit: no reply is scripted for request {index}"),
    )
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
