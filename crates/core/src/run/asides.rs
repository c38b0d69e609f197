use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{Event, EventKind, StepPath, sync::lock};

/// The tools under way: what is said in them is for readers of events, and no text of the run.
#[derive(Debug, Default)]
pub(super) struct Asides {
    /// Whether there ever was one, to be known without the lock.
    any: AtomicBool,
    open: Mutex<HashSet<StepPath>>,
}

impl Asides {
    /// A tool is about to begin.
    pub(super) fn open(&self, tool: &StepPath) {
        lock(&self.open).insert(tool.clone());
        self.any.store(true, Ordering::Release);
    }

    /// Whether a step is a tool under way, or inside of one.
    pub(super) fn cover(&self, step: &StepPath) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let open = lock(&self.open);
        let mut around = std::iter::successors(Some(step.clone()), StepPath::parent);
        !open.is_empty() && around.any(|path| open.contains(&path))
    }

    /// What a reader is handed: of a step that has ended, nothing comes after it.
    pub(super) fn note(&self, event: &Event) {
        let ends = matches!(
            event.kind,
            EventKind::StepFinished(_) | EventKind::StepFailed(_)
        );
        if ends && self.any.load(Ordering::Acquire) {
            lock(&self.open).retain(|tool| !tool.is_within(&event.path));
        }
    }
}
