//! Logs of runs, written by hand.

use mainstem_core::{
    Decided, DecisionKind, Error, ErrorKind, Event, EventKind, Json, Place, Retracted, RunId, Seq,
    StepFailed, StepFinished, StepPath, StepSkipped, StepStarted, Timestamp, Usage,
};
use mainstem_flow::DiagramState;

/// A state that follows events as they are written.
pub(super) struct Log {
    pub(super) state: DiagramState,
    seq: u64,
    /// What time it is, in milliseconds.
    now: u64,
}

impl Log {
    pub(super) fn new(state: DiagramState) -> Self {
        Self {
            state,
            seq: 0,
            now: 1_000_000,
        }
    }

    /// The place of the next event.
    pub(super) fn next(&self) -> Place {
        Place::new(Default::default(), Seq(self.seq + 1))
    }

    pub(super) fn after(&mut self, millis: u64) -> &mut Self {
        self.now += millis;
        self
    }

    pub(super) fn event(&mut self, path: &str, kind: impl Into<EventKind>) -> &mut Self {
        let path: StepPath = serde_json::from_value(path.into()).unwrap();
        let (place, at) = (self.next(), Timestamp::from_unix_millis(self.now));
        self.seq += 1;
        self.state.follow(&Event::new(place, at, path, kind.into()));
        self
    }

    pub(super) fn begin(&mut self, path: &str) -> &mut Self {
        self.event(path, StepStarted::new("function"))
    }

    pub(super) fn finish(&mut self, path: &str) -> &mut Self {
        self.event(path, StepFinished::new(Json::null(), Usage::default()))
    }

    pub(super) fn fail(&mut self, path: &str) -> &mut Self {
        self.event(
            path,
            StepFailed::new((&Error::new(ErrorKind::Step, "no")).into()),
        )
    }

    pub(super) fn skip(&mut self, path: &str) -> &mut Self {
        self.event(path, StepSkipped::new("not needed"))
    }

    pub(super) fn retract(&mut self, path: &str, since: Place) -> &mut Self {
        self.event(path, Retracted::new(since, "again"))
    }

    pub(super) fn list(&mut self, path: &str, items: &[u32]) -> &mut Self {
        let list = Json::new(items).unwrap();
        self.event(path, Decided::new("list", DecisionKind::MapList, list))
    }

    /// A step that takes a millisecond.
    pub(super) fn step(&mut self, path: &str) -> &mut Self {
        self.begin(path).after(1).finish(path)
    }

    pub(super) fn start(&mut self) -> &mut Self {
        self.event("", mainstem_core::RunStarted::new(RunId::new(), "guide"))
    }
}
