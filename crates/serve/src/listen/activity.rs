//! What a connection is doing, and until when it may.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::guard::Limits;

/// What is known of a connection; its socket, its requests and its watch share it.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Requests whose response isn't sent whole.
    requests: usize,
    /// Since when there has been none of them.
    idle_since: Instant,
    /// Since when a request's head is arriving.
    head_since: Option<Instant>,
    /// Since when the client has taken nothing of what it is sent.
    stalled_since: Option<Instant>,
    /// HTTP/2 has frames besides requests: what arrives isn't a head.
    is_http2: bool,
}

/// Why a connection ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    Idle,
    Head,
    Stalled,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            requests: 0,
            idle_since: Instant::now(),
            head_since: None,
            stalled_since: None,
            is_http2: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.requests == 0 && !state.is_http2 {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    /// The socket took bytes, or didn't.
    pub(super) fn wrote(&self, took: bool) {
        let mut state = self.state();
        if took {
            state.stalled_since = None;
        } else {
            state.stalled_since.get_or_insert_with(Instant::now);
        }
    }

    /// A request is there, until what this gives is dropped.
    pub(super) fn request(&self, is_http2: bool) -> UnderWay {
        let mut state = self.state();
        state.requests += 1;
        state.head_since = None;
        state.is_http2 |= is_http2;
        drop(state);
        UnderWay(self.clone())
    }

    /// When the connection has to be looked at again, and why it is to end if nothing happens until
    /// then.
    pub(super) fn due(&self, limits: &Limits) -> (Instant, Option<Overdue>) {
        let state = self.state();
        let mut due = if state.requests > 0 {
            (Instant::now() + limits.idle, None)
        } else {
            (state.idle_since + limits.idle, Some(Overdue::Idle))
        };
        let mut sooner = |since: Option<Instant>, limit, why| {
            if let Some(at) = since.map(|since| since + limit)
                && at < due.0
            {
                due = (at, Some(why));
            }
        };
        sooner(state.head_since, limits.header_time, Overdue::Head);
        sooner(state.stalled_since, limits.stall, Overdue::Stalled);
        due
    }
}

/// A request whose response isn't sent whole.
#[derive(Debug)]
pub(super) struct UnderWay(Activity);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        if state.requests == 0 {
            state.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn overdue_in(activity: &Activity, limits: &Limits) -> (u64, Option<Overdue>) {
        let (at, why) = activity.due(limits);
        ((at - Instant::now()).as_secs(), why)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_reads_a_head_or_stalls() {
        let limits = Limits::default()
            .idle(Duration::from_secs(70))
            .header_time(Duration::from_secs(10))
            .stall(Duration::from_secs(60));
        let activity = Activity::new();
        let now = |activity: &Activity| overdue_in(activity, &limits);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(now(&activity), (69, Some(Overdue::Idle)));
        activity.read();
        tokio::time::advance(Duration::from_secs(1)).await;
        // More of the head doesn't give it more time.
        activity.read();
        assert_eq!(now(&activity), (9, Some(Overdue::Head)));
        let request = activity.request(false);
        assert_eq!(now(&activity), (70, None));
        activity.wrote(false);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(now(&activity), (59, Some(Overdue::Stalled)));
        activity.wrote(true);
        drop(request);
        assert_eq!(now(&activity), (70, Some(Overdue::Idle)));
        drop(activity.request(true));
        activity.read();
        assert_eq!(now(&activity), (70, Some(Overdue::Idle)));
    }
}
