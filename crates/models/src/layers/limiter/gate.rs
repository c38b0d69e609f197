//! Who may send, and when: what was sent in the last minute, and who waits, in the order of coming.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as Task, Poll, Waker, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// The span of the limits.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// How long the first in the queue may take to come when it is called.
///
/// A reader that doesn't poll its stream keeps its place in the queue, but holds up nobody.
const GRACE: Duration = Duration::from_millis(50);

/// What may be sent in any minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) requests: Option<u32>,
    /// How many requests may go out at once: the others are spread.
    pub(super) burst: u32,
    pub(super) tokens: Option<u64>,
}

impl Rates {
    /// From one request to the next, if they are spread.
    fn interval(self) -> Duration {
        let interval = self.requests.and_then(|it| MINUTE.checked_div(it));
        interval.unwrap_or(Duration::ZERO)
    }
}

/// Timers and tasks come a little late: if it isn't more, the schedule stays.
const SLACK: Duration = Duration::from_millis(50);

/// What those that wait are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    /// How many wait before it.
    pub(super) before: usize,
    /// How long the first of all that wait has to wait.
    pub(super) next: Duration,
    /// Whether it is a server that asked for it.
    pub(super) is_shut: bool,
}

#[derive(Debug)]
pub(super) struct Gate {
    rates: Rates,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The requests of the last minute, the oldest first.
    sent: VecDeque<Sent>,
    /// The sum of their tokens.
    tokens: u64,
    /// A server asked for it.
    shut_until: Option<Instant>,
    /// When the next request is due, if they are spread.
    due: Option<Instant>,
    /// The first to come is the first.
    queue: VecDeque<Waiter>,
    /// Who was called to go, and when.
    called: Option<(u64, Instant)>,
    /// How many came, and how many went.
    tickets: u64,
    ids: u64,
}

#[derive(Debug)]
struct Sent {
    /// They rise, as the times do.
    id: u64,
    at: Instant,
    tokens: u64,
}

#[derive(Debug)]
struct Waiter {
    /// They rise.
    ticket: u64,
    tokens: u64,
    waker: Waker,
    /// It was called, and didn't come.
    is_late: bool,
}

/// What one who waits is to do.
enum Look {
    Go,
    WaitUntil(Instant),
    /// It isn't its turn: the first is to be woken.
    Call(Waker, Instant),
}

impl Gate {
    pub(super) fn new(rates: Rates) -> Arc<Self> {
        Arc::new(Self {
            rates,
            state: Mutex::default(),
        })
    }

    /// A turn to send a request of this many tokens, which has to be below the limit.
    pub(super) fn turn(self: &Arc<Self>, tokens: u64) -> Turn {
        Turn {
            gate: Arc::clone(self),
            tokens,
            ticket: None,
            alarm: None,
        }
    }

    /// Corrects what a request was taken to need.
    pub(super) fn settle(&self, request: u64, tokens: u64) {
        let mut state = self.lock();
        // One of more than a minute ago counts no longer.
        let Ok(index) = state.sent.binary_search_by_key(&request, |sent| sent.id) else {
            return;
        };
        let before = std::mem::replace(&mut state.sent[index].tokens, tokens);
        state.tokens = state.tokens.saturating_sub(before).saturating_add(tokens);
        let first = (tokens < before).then(|| state.first()).flatten();
        drop(state);
        wake(first);
    }

    /// Lets nothing through for a while.
    pub(super) fn shut(&self, time: Duration) {
        let until = Instant::now() + time.min(MINUTE);
        let mut state = self.lock();
        state.shut_until = state.shut_until.max(Some(until));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When so many tokens can be sent, if nothing else is.
    fn opens_at(&self, rates: Rates, tokens: u64, now: Instant) -> Instant {
        let mut at = self.shut_until.map_or(now, |until| until.max(now));
        if let Some(requests) = rates.requests {
            let ahead = rates.interval() * rates.burst.saturating_sub(1);
            let due = self.due.and_then(|due| due.checked_sub(ahead));
            at = due.map_or(at, |due| due.max(at));
            let in_the_way = (self.sent.len() + 1).saturating_sub(requests as usize);
            if let Some(last) = in_the_way.checked_sub(1).and_then(|it| self.sent.get(it)) {
                at = at.max(last.at + MINUTE);
            }
        }
        if let Some(limit) = rates.tokens {
            let mut left = self.tokens;
            for sent in &self.sent {
                if left.saturating_add(tokens) <= limit {
                    break;
                }
                left = left.saturating_sub(sent.tokens);
                at = at.max(sent.at + MINUTE);
            }
        }
        at
    }

    /// Whether the one with this ticket may go; otherwise when it has to look again.
    fn look(&mut self, rates: Rates, ticket: u64, now: Instant) -> Look {
        self.forget_before(now);
        loop {
            let mut waiting = self.queue.iter_mut().filter(|waiter| !waiter.is_late);
            let Some(first) = waiting.next() else {
                return Look::Go;
            };
            let (first, tokens) = (first.ticket, first.tokens);
            let before = 1 + waiting.take_while(|waiter| waiter.ticket < ticket).count();
            let at = self.opens_at(rates, tokens, now);
            if first == ticket {
                self.called = None;
                return match at <= now {
                    true => Look::Go,
                    false => Look::WaitUntil(at),
                };
            }
            if at > now {
                // Who stands further behind looks later: one is enough to notice.
                let patience = GRACE * u32::try_from(before).unwrap_or(u32::MAX);
                return Look::WaitUntil(at + patience);
            }
            match self.called {
                Some((called, since)) if called == first => {
                    if now < since + GRACE {
                        return Look::WaitUntil(since + GRACE);
                    }
                    self.pass_over(first);
                }
                _ => {
                    self.called = Some((first, now));
                    let until = now + GRACE;
                    return match self.first() {
                        Some(waker) => Look::Call(waker, until),
                        None => Look::WaitUntil(until),
                    };
                }
            }
        }
    }

    fn pass_over(&mut self, ticket: u64) {
        if let Some(index) = self.place(ticket) {
            self.queue[index].is_late = true;
        }
    }

    /// Forgets what was sent a minute ago.
    fn forget_before(&mut self, now: Instant) {
        while let Some(sent) = self.sent.front() {
            if now < sent.at + MINUTE {
                break;
            }
            self.tokens = self.tokens.saturating_sub(sent.tokens);
            self.sent.pop_front();
        }
    }

    /// Where in the queue a ticket stands. Tickets only rise.
    fn place(&self, ticket: u64) -> Option<usize> {
        self.queue
            .binary_search_by_key(&ticket, |waiter| waiter.ticket)
            .ok()
    }

    /// From the queue to what was sent.
    fn enter(&mut self, rates: Rates, ticket: u64, tokens: u64, now: Instant) -> u64 {
        self.ids += 1;
        let due = self.due.filter(|due| now < *due + SLACK).unwrap_or(now);
        self.due = Some(due + rates.interval());
        if rates.requests.is_some() || rates.tokens.is_some() {
            self.tokens = self.tokens.saturating_add(tokens);
            self.sent.push_back(Sent {
                id: self.ids,
                at: now,
                tokens,
            });
        }
        self.leave(ticket);
        self.ids
    }

    fn leave(&mut self, ticket: u64) {
        if let Some(index) = self.place(ticket) {
            self.queue.remove(index);
        }
    }

    /// The first that waits, to be woken once the lock is gone.
    fn first(&self) -> Option<Waker> {
        let first = self.queue.iter().find(|waiter| !waiter.is_late);
        first.map(|waiter| waiter.waker.clone())
    }
}

fn wake(first: Option<Waker>) {
    if let Some(waker) = first {
        waker.wake();
    }
}

/// Waits until a request may be sent, and gives its number.
///
/// Dropped before, it gives its place back.
#[derive(Debug)]
pub(super) struct Turn {
    gate: Arc<Gate>,
    tokens: u64,
    /// Its place in the queue, once it has one.
    ticket: Option<u64>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Turn {
    /// What it waits for.
    pub(super) fn outlook(&self) -> Outlook {
        let now = Instant::now();
        let mut state = self.gate.lock();
        state.forget_before(now);
        let first = state.queue.front().map_or(0, |waiter| waiter.tokens);
        let opens = state.opens_at(self.gate.rates, first, now);
        Outlook {
            before: self.ticket.and_then(|it| state.place(it)).unwrap_or(0),
            next: opens - now,
            is_shut: state
                .shut_until
                .is_some_and(|until| until > now && until >= opens),
        }
    }

    /// Looks whether it may go; otherwise when to look again.
    fn look(&mut self, waker: &Waker) -> Result<u64, Instant> {
        let now = Instant::now();
        let rates = self.gate.rates;
        // Dropped after the lock: with a waker, a task may go.
        let _old;
        let mut state = self.gate.lock();
        let ticket = match self.ticket {
            Some(ticket) => {
                if let Some(index) = state.place(ticket) {
                    let waiter = &mut state.queue[index];
                    waiter.is_late = false;
                    _old = std::mem::replace(&mut waiter.waker, waker.clone());
                }
                ticket
            }
            None => {
                state.tickets += 1;
                let ticket = state.tickets;
                state.queue.push_back(Waiter {
                    ticket,
                    tokens: self.tokens,
                    waker: waker.clone(),
                    is_late: false,
                });
                *self.ticket.insert(ticket)
            }
        };
        let (first, result) = match state.look(rates, ticket, now) {
            Look::WaitUntil(at) => return Err(at),
            Look::Call(first, at) => (Some(first), Err(at)),
            Look::Go => {
                let id = state.enter(rates, ticket, self.tokens, now);
                self.ticket = None;
                (state.first(), Ok(id))
            }
        };
        drop(state);
        wake(first);
        result
    }
}

impl Future for Turn {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<u64> {
        loop {
            let at = match self.look(task.waker()) {
                Ok(ticket) => return Poll::Ready(ticket),
                Err(at) => at,
            };
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if alarm.deadline() != at {
                alarm.as_mut().reset(at);
            }
            ready!(alarm.as_mut().poll(task));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else {
            return;
        };
        let mut state = self.gate.lock();
        state.leave(ticket);
        let first = state.first();
        drop(state);
        wake(first);
    }
}
