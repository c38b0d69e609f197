//! Where a reader's events come from: the ring, pages of the store, or another process.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll, ready},
    vec,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use mainstem_core::{ErrorKind, Event, EventKind, Place, Result, RunId, RunStatus, Store};
use tokio::sync::{futures::OwnedNotified, watch};

use super::{
    live::Live,
    refusals,
    ring::{Next, Over, weight},
    stats::Counters,
};

/// How many events are read at once, at first and at most.
const FIRST_PAGE: usize = 32;
const LARGEST_PAGE: usize = 256;
/// How many bytes a page should have, by those of the page before.
const PAGE_BYTES: usize = 128 << 10;

/// All events of a run after a place, one by one, as they are in its log.
pub(super) struct Source {
    store: Arc<dyn Store>,
    run: RunId,
    live: Option<Arc<Live>>,
    counters: Arc<Counters>,
    /// Whether this process is about to end: nobody waits for another one's events then.
    closing: watch::Receiver<bool>,
    at: Option<Place>,
    page_size: usize,
    state: State,
    /// Wakes the reader; made once, and used again and again.
    alarm: Option<Pin<Box<OwnedNotified>>>,
    /// Whether it is set, and hasn't rung.
    is_waiting: bool,
}

enum State {
    /// At the ring of a run under way here; of another one, before the next page.
    Here,
    Reading(BoxFuture<'static, Result<Page>>),
    Page(vec::IntoIter<Event>),
    /// Another process writes.
    Tail(BoxStream<'static, Result<Event>>),
    Over,
}

/// What is in the store after a place.
enum Page {
    Events(Vec<Event>),
    /// Nothing yet; the ring goes on after this place.
    Joined(Place),
    /// Nothing yet, and no end either.
    Open,
    /// Nothing, for good or until the run is resumed.
    Over,
}

impl Source {
    pub(super) fn new(
        store: Arc<dyn Store>,
        run: RunId,
        live: Option<Arc<Live>>,
        counters: Arc<Counters>,
        closing: watch::Receiver<bool>,
        at: Option<Place>,
    ) -> Self {
        Self {
            store,
            run,
            live,
            counters,
            closing,
            at,
            page_size: FIRST_PAGE,
            state: State::Here,
            alarm: None,
            is_waiting: false,
        }
    }

    /// The place of the last event that it gave.
    pub(super) fn at(&self) -> Option<Place> {
        self.at
    }

    /// The next event; none after the end. An error is the last item.
    pub(super) fn poll_next(&mut self, task: &mut Task<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Page(page) => match page.next() {
                    Some(event) => return Poll::Ready(Some(Ok(self.give(event)))),
                    None => self.state = State::Here,
                },
                State::Reading(page) => match ready!(page.poll_unpin(task)) {
                    Ok(page) => self.take(page),
                    // It was there: it was deleted.
                    Err(error) if error.kind() == ErrorKind::NotFound && self.at.is_some() => {
                        return self.fail(refusals::no_end(&self.run));
                    }
                    Err(error) => return self.fail(error),
                },
                State::Tail(tail) => {
                    let item = ready!(tail.poll_next_unpin(task));
                    return match item {
                        Some(Ok(event)) => Poll::Ready(Some(Ok(self.give_tailed(event)))),
                        Some(Err(error)) => self.fail(error),
                        None if *self.closing.borrow() => self.fail(refusals::closing(&self.run)),
                        None => self.fail(refusals::no_end(&self.run)),
                    };
                }
                State::Here => match ready!(self.poll_here(task)) {
                    None => {}
                    Some(item) => return Poll::Ready(item),
                },
            }
        }
    }

    /// Reads from the ring, or begins to read a page; then there is nothing to give yet.
    fn poll_here(&mut self, task: &mut Task<'_>) -> Poll<Option<Option<Result<Event>>>> {
        let Some(live) = &self.live else {
            self.counters.pages_read.add(1);
            let store = Arc::clone(&self.store);
            let page = page(store, self.run.clone(), self.at, self.page_size);
            self.state = State::Reading(page.boxed());
            return Poll::Ready(None);
        };
        if !self.is_waiting {
            // From here on it is woken; what came before is seen now.
            let more = Arc::clone(&live.more).notified_owned();
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().set(more),
                None => self.alarm = Some(Box::pin(more)),
            }
            self.is_waiting = true;
        }
        match live.after(self.at) {
            Next::Event(event) => Poll::Ready(Some(Some(Ok(self.give(event))))),
            Next::Over(Over::Ended) => {
                self.state = State::Over;
                Poll::Ready(Some(None))
            }
            Next::Over(Over::Broken(error)) => self.fail(error).map(Some),
            Next::Behind(floor) => {
                self.counters.pages_read.add(1);
                let store = Arc::clone(&self.store);
                let (run, size) = (self.run.clone(), self.page_size);
                let page = page_before(store, run, self.at, floor, size);
                self.state = State::Reading(page.boxed());
                Poll::Ready(None)
            }
            Next::NotYet => {
                if let Some(alarm) = &mut self.alarm {
                    ready!(alarm.as_mut().poll(task));
                }
                self.is_waiting = false;
                Poll::Ready(None)
            }
        }
    }

    fn take(&mut self, page: Page) {
        self.state = match page {
            Page::Events(events) => {
                let bytes: usize = events.iter().map(weight).sum();
                let size = events.len() * PAGE_BYTES / bytes.max(1);
                self.page_size = size.clamp(1, LARGEST_PAGE);
                State::Page(events.into_iter())
            }
            Page::Joined(floor) => {
                self.at = self.at.max(Some(floor));
                State::Here
            }
            Page::Open => {
                let tail = self.store.tail(&self.run, self.at);
                State::Tail(tail.take_until(closed(self.closing.clone())).boxed())
            }
            Page::Over => State::Over,
        };
    }

    fn give(&mut self, event: Event) -> Event {
        self.at = Some(event.place());
        if event.is_end() && !is_suspension(&event) {
            self.state = State::Over;
        }
        event
    }

    fn give_tailed(&mut self, event: Event) -> Event {
        let event = self.give(event);
        if is_suspension(&event) {
            // Whether it is the last one is looked up.
            self.state = State::Here;
        }
        event
    }

    fn fail(&mut self, error: mainstem_core::Error) -> Poll<Option<Result<Event>>> {
        self.state = State::Over;
        Poll::Ready(Some(Err(error)))
    }
}

/// Waits until the process is about to end. That its sessions are gone doesn't say so.
async fn closed(mut closing: watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        std::future::pending::<()>().await;
    }
}

pub(super) fn is_suspension(event: &Event) -> bool {
    matches!(event.kind, EventKind::RunSuspended(_))
}

/// What follows a place that isn't in the ring any more, which goes on after its floor.
async fn page_before(
    store: Arc<dyn Store>,
    run: RunId,
    at: Option<Place>,
    floor: Place,
    size: usize,
) -> Result<Page> {
    let events = store.read(&run, at, size).await?;
    Ok(match events.is_empty() {
        true => Page::Joined(floor),
        false => Page::Events(events),
    })
}

/// What follows a place of a run that isn't under way here.
async fn page(store: Arc<dyn Store>, run: RunId, at: Option<Place>, size: usize) -> Result<Page> {
    loop {
        let events = store.read(&run, at, size).await?;
        if !events.is_empty() {
            return Ok(Page::Events(events));
        }
        let state = store.state(&run).await?;
        let seq = |place: Option<Place>| place.map(|place| place.seq);
        if seq(state.last) > seq(at) {
            // Written in between.
            continue;
        }
        return match state.status {
            RunStatus::Running if state.closed => Err(refusals::no_end(&run)),
            RunStatus::Running => Ok(Page::Open),
            _ => Ok(Page::Over),
        };
    }
}
