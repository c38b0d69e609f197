//! The two clocks of a run: the limit of its caller, and the patience with its store.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, Sleep},
};

use crate::{Error, ErrorKind};

/// The limit on a run's time by the wall clock.
#[derive(Default)]
pub(super) struct WallClock {
    pub(super) limit: Option<Duration>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl WallClock {
    /// From here on the time counts.
    pub(super) fn start(&mut self) {
        if let (Some(limit), None) = (self.limit, &self.alarm) {
            self.alarm = Some(Box::pin(tokio::time::sleep(limit)));
        }
    }

    /// Whether the limit has passed, by the clock itself: an alarm only rings in a runtime that is
    /// given time to, which work that is always ready doesn't.
    pub(super) fn has_passed(&self) -> bool {
        let alarm = self.alarm.as_ref();
        alarm.is_some_and(|alarm| alarm.is_elapsed() || alarm.deadline() <= Instant::now())
    }

    /// As [`has_passed`](Self::has_passed), and wakes the task when it does.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<()> {
        match &mut self.alarm {
            Some(alarm) if !alarm.is_elapsed() => alarm.as_mut().poll(task),
            Some(_) => Poll::Ready(()),
            None => Poll::Pending,
        }
    }

    pub(super) fn error(&self) -> Error {
        let limit = self.limit.unwrap_or_default();
        Error::new(
            ErrorKind::Timeout,
            format!("the run took longer than {limit:?}; raise its `wall_clock_limit`"),
        )
    }
}

/// How long a store may take once the run is to end.
#[derive(Default)]
pub(super) struct Patience(Option<Pin<Box<Sleep>>>);

impl Patience {
    const LIMIT: Duration = Duration::from_secs(5);

    /// Ready, once it has run out; it counts from the first call.
    ///
    /// Outside of Tokio's runtime there are no alarms: then it doesn't run out.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<()> {
        if self.0.is_none() && Handle::try_current().is_err() {
            return Poll::Pending;
        }
        let alarm = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(Self::LIMIT)));
        alarm.as_mut().poll(task)
    }

    pub(super) fn error() -> Error {
        let limit = Self::LIMIT;
        Error::new(
            ErrorKind::Store,
            format!("the run is over, and its store hasn't taken its events for {limit:?}"),
        )
    }
}
