//! Polls, stops, drops and emits of others in any order: the promises hold.

use std::task::Poll;

use futures::FutureExt;
use mainstem_core::{
    CancelledBy, Error, Event, InputRequest, MemoryStore, Run, RunContext, RunStream, StepPath,
    StopHandle,
};
use proptest::prelude::*;
use tokio::sync::{mpsc, oneshot};

use crate::common::{Dropped, broken, check_order, log_of, poll_once, text};

#[derive(Clone, Copy, Debug)]
enum Action {
    /// The reader polls.
    Poll,
    /// Somebody stops the run.
    Stop,
    /// The body is told to emit.
    Tell,
    /// The body is told to end.
    End(Ending),
    /// Another holder of the run's context emits, and doesn't wait.
    Emit,
    /// The reader drops the stream.
    Drop,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Finish,
    Fail,
    Suspend,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => Just(Action::Poll),
        1 => Just(Action::Stop),
        5 => Just(Action::Tell),
        1 => prop_oneof![Just(Ending::Finish), Just(Ending::Fail), Just(Ending::Suspend)]
            .prop_map(Action::End),
        4 => Just(Action::Emit),
        1 => Just(Action::Drop),
    ]
}

/// What the body is told: to emit, or to end.
type Orders = mpsc::UnboundedReceiver<Option<Ending>>;

async fn obey(ctx: RunContext, mut orders: Orders) -> mainstem_core::Result<()> {
    while let Some(order) = orders.recv().await {
        match order {
            None => ctx.emit(text("x")).await,
            Some(Ending::Finish) => return Ok(()),
            Some(Ending::Fail) => return Err(broken()),
            Some(Ending::Suspend) => {
                let ask = InputRequest::new("ok", StepPath::run(), "Go on?");
                return Err(Error::suspend([ask]));
            }
        }
    }
    std::future::pending().await
}

struct Model {
    stream: Option<RunStream<()>>,
    handle: StopHandle,
    orders: mpsc::UnboundedSender<Option<Ending>>,
    ctx: oneshot::Receiver<RunContext>,
    other: Option<RunContext>,
    dropped: Dropped,
    events: Vec<Event>,
    stopped: bool,
}

impl Model {
    fn new(store: Option<&MemoryStore>) -> Self {
        let (orders, told) = mpsc::unbounded_channel();
        let (sender, ctx) = oneshot::channel();
        let dropped = Dropped::default();
        let guard = dropped.guard();
        let mut run = Run::new("obeys", move |ctx: RunContext| async move {
            let _guard = guard;
            drop(sender.send(ctx.clone()));
            obey(ctx, told).await
        })
        .id("r");
        if let Some(store) = store {
            run = run.store(store.clone());
        }
        let stream = run.stream();
        Self {
            handle: stream.stop_handle(),
            stream: Some(stream),
            orders,
            ctx,
            other: None,
            dropped,
            events: Vec::new(),
            stopped: false,
        }
    }

    fn has_ended(&self) -> bool {
        self.events.last().is_some_and(Event::is_end)
    }

    fn step(&mut self, action: Action) {
        match action {
            Action::Poll => self.poll(),
            Action::Stop => {
                self.handle.stop_by(CancelledBy::Other("model".into()));
                self.stopped = true;
            }
            Action::Tell => drop(self.orders.send(None)),
            Action::End(ending) => drop(self.orders.send(Some(ending))),
            Action::Emit => self.emit(),
            Action::Drop => self.stream = None,
        }
        if self.stopped || self.stream.is_none() || self.has_ended() {
            assert!(self.dropped.is(), "the body is gone");
        }
    }

    fn poll(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let had_ended = self.events.last().is_some_and(Event::is_end);
        match poll_once(stream) {
            Poll::Ready(Some(event)) => {
                assert!(!had_ended, "nothing comes after the end: {event:?}");
                self.events.push(event);
            }
            Poll::Ready(None) => assert!(had_ended, "the stream ends with an end"),
            Poll::Pending => {
                assert!(!had_ended && !self.stopped);
            }
        }
    }

    fn emit(&mut self) {
        if self.other.is_none() {
            self.other = self.ctx.try_recv().ok();
        }
        if let Some(ctx) = &self.other {
            let done = ctx.emit(text("of another")).now_or_never().is_some();
            assert!(done || !self.has_ended(), "after the end nobody waits");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_run_has_at_most_one_end_and_nothing_after_it(
        actions in prop::collection::vec(action(), 0..60),
        with_store: bool,
    ) {
        let store = with_store.then(MemoryStore::new);
        let mut model = Model::new(store.as_ref());
        for action in actions {
            model.step(action);
        }
        // Whatever has happened, a stop and some more polls bring it to its end.
        if model.stream.is_some() {
            model.step(Action::Stop);
            while !model.has_ended() {
                model.step(Action::Poll);
            }
            model.step(Action::Poll);
        }
        let ends = model.events.iter().filter(|event| event.is_end()).count();
        prop_assert_eq!(ends, usize::from(model.stream.is_some() || model.has_ended()));
        check_order(&model.events);
        if let Some(first) = model.events.first() {
            prop_assert_eq!(first.kind.name(), "run_started");
            if let Some(store) = store {
                let log = futures::executor::block_on(log_of(&store, &"r".into()));
                prop_assert_eq!(log, model.events);
            }
        }
    }
}
