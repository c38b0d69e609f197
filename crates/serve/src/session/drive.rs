//! The task of one run.

use std::sync::{Arc, Weak};

use futures::{StreamExt, stream::BoxStream};
use mainstem_core::{Error, Event, EventKind, Result};
use tokio::{
    sync::oneshot,
    task::coop::consume_budget,
    time::{Instant, sleep_until},
};

use super::{
    hub::Hub,
    live::{Live, NOT_LOGGED},
    presence::Due,
    refusals,
    source::is_suspension,
};

/// The code of a run that couldn't be resumed: its log is as it was.
pub(super) const NOT_RESUMED: &str = "not_resumed";

/// One run, and who is to have its events.
pub(super) struct Drive {
    pub(super) events: BoxStream<'static, Event>,
    pub(super) live: Arc<Live>,
    pub(super) hub: Weak<Hub>,
    /// Told whether the run has begun.
    pub(super) begun: oneshot::Sender<Result<()>>,
}

impl Drive {
    /// Polls the run to its end. Dropped before, it drops the run.
    pub(super) async fn run(self) {
        let mut events = self.events;
        let leaving = Leaving {
            live: self.live,
            hub: self.hub,
        };
        let live = &leaving.live;
        let Some(first) = next(&mut events, live).await else {
            return;
        };
        if let Some(error) = refusal(&first) {
            leaving.remove();
            // Who began it may have gone.
            let _gone = self.begun.send(Err(error));
            return;
        }
        live.counters.runs_begun.add(1);
        let mut begun = Some(self.begun);
        let mut event = first;
        loop {
            if event.is_end() {
                // Whoever sees the end finds the run gone, and can go on with it.
                drop(events);
                leaving.remove();
                let is_over = !is_suspension(&event);
                live.push(event);
                if let Some(begun) = begun.take() {
                    let _gone = begun.send(Ok(()));
                }
                if let Some(hub) = leaving.hub.upgrade() {
                    match is_over {
                        true => hub.forget_after(&live.id, live.said_bytes()).await,
                        false => hub.forget_waiting_after(&live.id).await,
                    }
                }
                return;
            }
            live.push(event);
            if let Some(begun) = begun.take() {
                let _gone = begun.send(Ok(()));
            }
            match next(&mut events, live).await {
                Some(next) => event = next,
                None => return,
            }
        }
    }
}

/// The next event, once no reader holds the run back; a run that is left alone is stopped.
async fn next(events: &mut BoxStream<'static, Event>, live: &Live) -> Option<Event> {
    // A run that always has something ready lets others have their turn all the same.
    consume_budget().await;
    loop {
        let changed = live.presence.changed.notified();
        let is_held = live.is_held();
        let due = live.due();
        match &due {
            Some((at, Due::End(by))) if *at <= Instant::now() => {
                // It goes on to its end, which nobody can hold back.
                live.stop_by(by.clone());
                return events.next().await;
            }
            Some((at, Due::Cut)) if *at <= Instant::now() => {
                live.cut_slowest();
                continue;
            }
            _ => {}
        }
        let alarm = due.map(|(at, _)| at);
        tokio::select! {
            biased;
            event = events.next(), if !is_held => return event,
            () = changed => {}
            () = rings(alarm) => {}
        }
    }
}

async fn rings(alarm: Option<Instant>) {
    match alarm {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Why the run didn't begin, if its first event says so: then its log has nothing of it.
fn refusal(first: &Event) -> Option<Error> {
    let EventKind::RunFailed(failed) = &first.kind else {
        return None;
    };
    let code = failed.error.code.as_deref();
    matches!(code, Some(NOT_RESUMED | NOT_LOGGED)).then(|| (*failed.error).clone().into())
}

/// However the task ends, the run isn't under way any more, and its readers know.
struct Leaving {
    live: Arc<Live>,
    hub: Weak<Hub>,
}

impl Leaving {
    fn remove(&self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.remove(&self.live);
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.remove();
        self.live.break_off(refusals::left(&self.live.id));
    }
}
