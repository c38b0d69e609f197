//! The one place through which every event of a run passes.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Task, Poll, Waker, ready},
};

use tokio::task::coop;

use crate::{Epoch, Event, EventKind, Place, Seq, StepPath, Timestamp, sync::lock};

/// Holds one event between the step that emits it and the reader.
///
/// A step that finds it full waits, in the order of coming: that is the back-pressure. The turn is
/// the right to fill the slot; the reader passes it on with [`vacate`](Self::vacate), once it is done
/// with the event.
///
/// Every event comes by here, so that locks are a good part of what it costs. Hence all that is shared
/// lies under one, and what is asked most often can be asked without it.
pub(super) struct Slot {
    state: Mutex<State>,
    /// Whether there is an event, to be asked without the lock.
    filled: AtomicBool,
    /// Whether the reader sleeps, to be asked without the lock by the reader itself.
    asleep: AtomicBool,
    /// Whether the output has passed its limit.
    overflow: AtomicBool,
    max_output_bytes: Option<u64>,
}

struct State {
    event: Option<Event>,
    next: Place,
    output_bytes: u64,
    closed: bool,
    turn: Turn,
    /// Who waits for the turn, in the order of coming, which is that of their tickets.
    waiting: VecDeque<(Ticket, Waker)>,
    next_ticket: Ticket,
    /// The reader, while it sleeps; filling from within its own poll wakes nobody.
    reader: Option<Waker>,
}

type Ticket = u64;

#[derive(PartialEq)]
enum Turn {
    Free,
    /// Somebody's whose event isn't done with.
    Taken,
    /// That of one who has waited for it, and was woken.
    Of(Ticket),
}

impl Slot {
    pub(super) fn new(max_output_bytes: Option<u64>) -> Self {
        Self {
            state: Mutex::new(State {
                event: None,
                next: Place::new(Epoch::FIRST, Seq(1)),
                output_bytes: 0,
                closed: false,
                turn: Turn::Free,
                waiting: VecDeque::new(),
                next_ticket: 0,
                reader: None,
            }),
            filled: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            overflow: AtomicBool::new(false),
            max_output_bytes,
        }
    }

    /// Emits an event; waits until there is room, and gives its place. Does nothing, once the run has
    /// ended.
    ///
    /// Output beyond the limit is never shown: then this waits for the reader to end the run.
    pub(super) fn put<'a>(&'a self, path: &'a StepPath, kind: EventKind) -> Put<'a> {
        Put {
            place: InLine::new(self),
            path,
            kind: Some(kind),
        }
    }

    /// Waits until the reader has done with what was emitted.
    pub(super) async fn settle(&self) {
        let mut place = InLine::new(self);
        poll_fn(|task| {
            if let Some(mut state) = ready!(place.poll_turn(task)) {
                let next = state.pass_turn();
                drop(state);
                next.into_iter().for_each(Waker::wake);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// The writer of the events to come.
    pub(super) fn set_epoch(&self, epoch: Epoch) {
        lock(&self.state).next.epoch = epoch;
    }

    /// The next event has this place.
    pub(super) fn number_from(&self, place: Place) {
        lock(&self.state).next = place;
    }

    /// The next event for the reader, numbered past the slot: the run's own.
    pub(super) fn stamp(&self, path: StepPath, kind: EventKind) -> Event {
        lock(&self.state).stamp(path, kind)
    }

    /// The place that the next event will have.
    pub(super) fn next_place(&self) -> Place {
        lock(&self.state).next
    }

    pub(super) fn take(&self) -> Option<Event> {
        if !self.is_filled() {
            return None;
        }
        let mut state = lock(&self.state);
        self.filled.store(false, Ordering::Release);
        state.event.take()
    }

    /// Lets the next event in.
    pub(super) fn vacate(&self) {
        let next = lock(&self.state).pass_turn();
        next.into_iter().for_each(Waker::wake);
    }

    /// Lets nothing in any more; what is in the slot stays there.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub(super) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    pub(super) fn has_overflowed(&self) -> bool {
        self.overflow.load(Ordering::Acquire)
    }
}

/// The reader's sleep.
impl Slot {
    /// The reader goes to sleep. Whatever is changed before [`wake_reader`](Self::wake_reader) either
    /// wakes it, or is seen by it after this.
    pub(super) fn sleep(&self, task: &Task<'_>) {
        let mut state = lock(&self.state);
        let knows = |reader: &Waker| reader.will_wake(task.waker());
        if state.reader.as_ref().is_some_and(knows) {
            return;
        }
        let before = state.reader.replace(task.waker().clone());
        self.asleep.store(true, Ordering::Release);
        // Not under the lock: what a waker's end sets off may come back here.
        drop(state);
        drop(before);
    }

    /// The reader is awake, and needn't be woken.
    pub(super) fn stay_awake(&self) {
        if self.asleep.load(Ordering::Acquire) {
            drop(self.take_reader());
        }
    }

    pub(super) fn wake_reader(&self) {
        self.take_reader().into_iter().for_each(Waker::wake);
    }

    fn take_reader(&self) -> Option<Waker> {
        let mut state = lock(&self.state);
        self.reader_of(&mut state)
    }

    fn reader_of(&self, state: &mut State) -> Option<Waker> {
        self.asleep.store(false, Ordering::Release);
        state.reader.take()
    }
}

/// A place in the line of those who wait for the turn. Dropped, it is given up.
struct InLine<'a> {
    slot: &'a Slot,
    /// None, as long as it hasn't had to wait.
    ticket: Option<Ticket>,
}

impl<'a> InLine<'a> {
    fn new(slot: &'a Slot) -> Self {
        Self { slot, ticket: None }
    }

    /// Waits for the turn, and takes it; nothing, if the slot is closed.
    ///
    /// A step that always has something to emit, and a reader that always takes it, let Tokio's other
    /// tasks have their turn all the same: who has waited here uses up a bit of its task's budget.
    fn poll_turn(&mut self, task: &mut Task<'_>) -> Poll<Option<MutexGuard<'a, State>>> {
        // Not under the lock: it may wake the task.
        let budget = match self.ticket {
            Some(_) => Some(ready!(coop::poll_proceed(task))),
            None => None,
        };
        let mut state = lock(&self.slot.state);
        if state.closed {
            self.ticket = None;
            return Poll::Ready(None);
        }
        let is_its = match self.ticket {
            None => state.turn == Turn::Free,
            Some(ticket) => state.turn == Turn::Of(ticket),
        };
        if !is_its {
            let ticket = *self.ticket.get_or_insert_with(|| state.new_ticket());
            let before = state.wait(ticket, task.waker());
            // Not under the lock, as above.
            drop(state);
            drop(before);
            return Poll::Pending;
        }
        if let Some(budget) = budget {
            budget.made_progress();
        }
        self.ticket = None;
        state.turn = Turn::Taken;
        Poll::Ready(Some(state))
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else {
            return;
        };
        let mut state = lock(&self.slot.state);
        let (next, gone) = match state.turn == Turn::Of(ticket) {
            true => (state.pass_turn(), None),
            false => (None, state.leave(ticket)),
        };
        drop(state);
        drop(gone);
        next.into_iter().for_each(Waker::wake);
    }
}

/// Made by [`Slot::put`].
#[must_use = "it does nothing unless it is polled"]
pub(super) struct Put<'a> {
    place: InLine<'a>,
    path: &'a StepPath,
    /// None, once it is in the slot, or was found to be too much.
    kind: Option<EventKind>,
}

impl Future for Put<'_> {
    type Output = Option<Place>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Place>> {
        let this = self.get_mut();
        let slot = this.place.slot;
        let Some(mut state) = ready!(this.place.poll_turn(task)) else {
            return Poll::Ready(None);
        };
        let Some(kind) = this.kind.take() else {
            return Poll::Ready(None);
        };
        state.output_bytes += output_bytes(&kind);
        let limit = slot.max_output_bytes;
        let fits = limit.is_none_or(|max| state.output_bytes <= max);
        let place = state.next;
        if fits {
            state.event = Some(state.stamp(this.path.clone(), kind));
            slot.filled.store(true, Ordering::Release);
        } else {
            slot.overflow.store(true, Ordering::Release);
        }
        let reader = slot.reader_of(&mut state);
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        if fits {
            return Poll::Ready(Some(place));
        }
        // Its turn is gone for good: what this gets is the news that the slot is closed.
        ready!(this.place.poll_turn(task));
        Poll::Ready(None)
    }
}

impl State {
    fn stamp(&mut self, path: StepPath, kind: EventKind) -> Event {
        let place = self.next;
        self.next.seq.0 += 1;
        Event::new(place, Timestamp::now(), path, kind)
    }

    fn new_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Notes who waits, or whom to wake for it from now on; gives who was to be woken before.
    fn wait(&mut self, ticket: Ticket, waker: &Waker) -> Option<Waker> {
        let Some(at) = self.place_of(ticket) else {
            self.waiting.push_back((ticket, waker.clone()));
            return None;
        };
        let (_, known) = &mut self.waiting[at];
        (!known.will_wake(waker)).then(|| std::mem::replace(known, waker.clone()))
    }

    /// Gives the turn to who waits for it the longest; gives whom to wake.
    fn pass_turn(&mut self) -> Option<Waker> {
        let next = self.waiting.pop_front();
        self.turn = match &next {
            Some((ticket, _)) => Turn::Of(*ticket),
            None => Turn::Free,
        };
        next.map(|(_, waker)| waker)
    }

    fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        let at = self.place_of(ticket)?;
        self.waiting.remove(at).map(|(_, waker)| waker)
    }

    fn place_of(&self, ticket: Ticket) -> Option<usize> {
        let of = |(ticket, _): &(Ticket, Waker)| *ticket;
        self.waiting.binary_search_by_key(&ticket, of).ok()
    }
}

/// What a run's reader may have to keep of it: all that models and steps say.
fn output_bytes(kind: &EventKind) -> u64 {
    let bytes = match kind {
        EventKind::TextDelta(delta) => delta.text.len(),
        EventKind::JsonDelta(delta) => delta.text.len(),
        EventKind::ReasoningDelta(delta) => delta.text.len(),
        EventKind::RefusalDelta(delta) => delta.text.len(),
        EventKind::ToolCallDelta(delta) => delta.text.len(),
        EventKind::Bytes(bytes) => bytes.data.len(),
        _ => 0,
    };
    bytes as u64
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{Arc, atomic::AtomicUsize},
        task::Wake,
        thread,
    };

    use futures::{executor::block_on, poll};

    use super::*;
    use crate::TextDelta;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Sleeper(AtomicUsize);

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Sleeper {
        fn is_done(self: &Arc<Self>, put: &mut Put<'_>) -> bool {
            let waker = Waker::from(Arc::clone(self));
            Pin::new(put).poll(&mut Task::from_waker(&waker)).is_ready()
        }

        fn woken(&self) -> usize {
            self.0.swap(0, Ordering::SeqCst)
        }
    }

    fn text(slot: &Slot) -> Option<String> {
        slot.take()?.text().map(|text| text.to_string())
    }

    #[test]
    fn who_waits_has_its_turn_in_the_order_of_coming() {
        let (slot, path) = (Slot::new(None), StepPath::run());
        let put = |text: &str| slot.put(&path, TextDelta::new(text).into());
        let (a, b, c) = <(Arc<Sleeper>, Arc<Sleeper>, Arc<Sleeper>)>::default();
        let (mut first, mut second, mut third) = (put("1"), put("2"), put("3"));
        assert!(a.is_done(&mut first));
        assert!(!b.is_done(&mut second) && !c.is_done(&mut third));
        assert_eq!(text(&slot).as_deref(), Some("1"));
        assert!(!b.is_done(&mut second), "the first isn't done with");
        slot.vacate();
        assert_eq!((b.woken(), c.woken()), (1, 0));
        assert!(!c.is_done(&mut third) && !a.is_done(&mut put("late")));
        assert!(b.is_done(&mut second));
        assert_eq!(text(&slot).as_deref(), Some("2"));
        slot.vacate();
        assert!(c.is_done(&mut third));
        assert_eq!(text(&slot).as_deref(), Some("3"));
        slot.vacate();
        assert!(a.is_done(&mut put("4")), "who left the line is forgotten");
    }

    #[test]
    fn who_leaves_the_line_gives_its_turn_to_the_next() {
        let (slot, path) = (Slot::new(None), StepPath::run());
        let put = |text: &str| slot.put(&path, TextDelta::new(text).into());
        let (a, b, c) = <(Arc<Sleeper>, Arc<Sleeper>, Arc<Sleeper>)>::default();
        assert!(a.is_done(&mut put("1")));
        let (mut second, mut third, mut fourth) = (put("2"), put("3"), put("4"));
        assert!(!a.is_done(&mut second) && !b.is_done(&mut third) && !c.is_done(&mut fourth));
        // Before its turn, and with it.
        drop(second);
        slot.take();
        slot.vacate();
        assert_eq!((a.woken(), b.woken(), c.woken()), (0, 1, 0));
        drop(third);
        assert_eq!(c.woken(), 1);
        assert!(c.is_done(&mut fourth));
        assert_eq!(text(&slot).as_deref(), Some("4"));
    }

    #[test]
    fn nobody_waits_for_a_slot_that_is_closed() {
        let (slot, path) = (Slot::new(Some(1)), StepPath::run());
        let put = |text: &str| slot.put(&path, TextDelta::new(text).into());
        let sleeper = Arc::<Sleeper>::default();
        let (mut long, mut next) = (put("too long"), put("x"));
        assert!(!sleeper.is_done(&mut long) && slot.has_overflowed());
        assert!(!sleeper.is_done(&mut next));
        slot.close();
        assert_eq!(sleeper.woken(), 2);
        assert!(sleeper.is_done(&mut long) && sleeper.is_done(&mut next));
        assert!(sleeper.is_done(&mut put("x")));
        assert_eq!(slot.take(), None);
        let mut settled = pin!(slot.settle());
        let task = &mut Task::from_waker(Waker::noop());
        assert!(settled.as_mut().poll(task).is_ready());
    }

    /// No wake-up is lost between threads: otherwise this never ends.
    #[test]
    fn many_threads_fill_it_and_some_give_up() {
        const THREADS: u64 = 4;
        const EACH: usize = 2000;
        let slot = Slot::new(None);
        let seen = thread::scope(|threads| {
            for number in 0..THREADS {
                let slot = &slot;
                threads.spawn(move || {
                    let path = StepPath::run().child(&number.to_string());
                    block_on(async {
                        for count in 0..EACH {
                            let text = TextDelta::new(count.to_string());
                            slot.put(&path, text.into()).await;
                            // Who leaves the line, with or without its turn.
                            let mut leaves = slot.put(&path, TextDelta::new("late").into());
                            let _ = poll!(&mut leaves);
                        }
                    });
                });
            }
            let mut seen = vec![Vec::new(); THREADS as usize];
            block_on(poll_fn(|task| {
                while seen.iter().any(|texts: &Vec<String>| texts.len() < EACH) {
                    slot.stay_awake();
                    if !slot.is_filled() {
                        slot.sleep(task);
                        if !slot.is_filled() {
                            return Poll::Pending;
                        }
                    }
                    let event = slot.take().unwrap();
                    let number: usize = event.path.to_string().parse().unwrap();
                    let text = event.kind.into_text().unwrap();
                    if text != "late" {
                        seen[number].push(text.to_string());
                    }
                    slot.vacate();
                }
                slot.close();
                Poll::Ready(())
            }));
            seen
        });
        let all: Vec<_> = (0..EACH).map(|count| count.to_string()).collect();
        assert!(seen.iter().all(|texts| *texts == all));
    }

    #[test]
    fn a_reader_that_is_awake_isnt_woken() {
        let (slot, path) = (Slot::new(None), StepPath::run());
        let put = |text: &str| slot.put(&path, TextDelta::new(text).into());
        let sleeper = Arc::<Sleeper>::default();
        let waker = Waker::from(Arc::clone(&sleeper));
        let task = Task::from_waker(&waker);
        slot.sleep(&task);
        slot.stay_awake();
        assert!(sleeper.is_done(&mut put("1")));
        assert_eq!(sleeper.woken(), 0);
        slot.take();
        slot.vacate();
        slot.sleep(&task);
        slot.sleep(&task);
        assert!(sleeper.is_done(&mut put("2")));
        assert_eq!(sleeper.woken(), 1);
    }
}
