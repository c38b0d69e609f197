use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

/// A point in a reply where the server waits for the test.
///
/// Put a clone of the gate into a reply with [`Reply::gate`](crate::Reply::gate)
/// or [`Reply::gate_head`](crate::Reply::gate_head). What was scripted before the
/// gate is handed to the kernel before the server waits, so a test that has seen
/// [`arrived`](Gate::arrived) knows that those bytes are on their way and that
/// nothing more is. With gates a test needs no sleeps.
///
/// ```
/// use mainstem_testkit::{Gate, Reply};
///
/// let gate = Gate::new();
/// let reply = Reply::stream().role().content("before").gate(&gate).content("after");
/// gate.open();
/// assert!(gate.is_open());
/// # let _ = reply;
/// ```
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    passes: Semaphore,
    arrivals: watch::Sender<usize>,
}

impl Gate {
    /// Creates a closed gate.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            passes: Semaphore::new(0),
            arrivals: watch::Sender::new(0),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Opens the gate for good: every reply passes, now and later.
    pub fn open(&self) {
        self.inner.passes.close();
    }

    /// Lets `count` waiting or coming replies pass, then the gate is closed again.
    pub fn pass(&self, count: usize) {
        self.inner.passes.add_permits(count);
    }

    /// Returns whether the gate was opened for good.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.passes.is_closed()
    }

    /// Returns how many times a reply has come to this gate.
    #[must_use]
    pub fn arrivals(&self) -> usize {
        *self.inner.arrivals.borrow()
    }

    /// Waits until replies have come to this gate `count` times in all.
    pub async fn arrived(&self, count: usize) {
        let mut arrivals = self.inner.arrivals.subscribe();
        // The sender lives in `self`, so the wait can't end in an error.
        let _ = arrivals.wait_for(|seen| *seen >= count).await;
    }

    pub(crate) async fn wait(&self) {
        self.inner.arrivals.send_modify(|seen| *seen += 1);
        if let Ok(permit) = self.inner.passes.acquire().await {
            permit.forget();
        }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pass_lets_exactly_one_through() {
        let gate = Gate::new();
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move {
                gate.wait().await;
                gate.wait().await;
            }
        });
        gate.pass(1);
        gate.arrived(2).await;
        assert!(!waiting.is_finished());
        gate.open();
        waiting.await.unwrap();
        assert_eq!(gate.arrivals(), 2);
    }
}
