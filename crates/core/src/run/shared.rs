use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::slot::Slot;
use crate::{
    Context, FinishReason, Journal, Message, ModelSettings, Partial, RunId, StepPath, TimeLimits,
    Usage, sync::lock,
};

/// What the steps of a run share with its reader.
pub(crate) struct Shared {
    pub(super) id: RunId,
    pub(super) slot: Arc<Slot>,
    pub(super) is_stored: bool,
    pub(super) context: Context,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) settings: ModelSettings,
    pub(super) time_limits: Option<TimeLimits>,
    pub(super) tally: Mutex<Tally>,
}

/// What has come together so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) usage: Usage,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) messages: Vec<Message>,
    /// What the steps that ended early had delivered.
    pub(super) partials: BTreeMap<StepPath, Partial>,
}

impl Shared {
    /// What the steps under way had delivered, in the order of their paths.
    pub(super) fn partial(&self) -> Partial {
        self.partial_within(&StepPath::run()).unwrap_or_else(|| {
            let usage = lock(&self.tally).usage;
            Partial::new("", usage, None)
        })
    }

    /// Forgets what the steps at a path and below had delivered: their end was dealt with.
    pub(super) fn forget_partials(&self, path: &StepPath) {
        let mut tally = lock(&self.tally);
        if !tally.partials.is_empty() {
            tally.partials.retain(|step, _| !step.is_within(path));
        }
    }

    /// The same, of a path and below; none, if no step there was under way.
    pub(super) fn partial_within(&self, path: &StepPath) -> Option<Partial> {
        let tally = lock(&self.tally);
        let mut text = String::new();
        let mut last = None;
        for (_, partial) in tally
            .partials
            .iter()
            .filter(|(step, _)| step.is_within(path))
        {
            text.push_str(&partial.text);
            last = Some(partial);
        }
        let finish_reason = last?.finish_reason.clone();
        Some(Partial::new(text, tally.usage, finish_reason))
    }
}
