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
    pub(super) slot: Slot,
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
        let tally = lock(&self.tally);
        let text: String = tally
            .partials
            .values()
            .map(|partial| &*partial.text)
            .collect();
        let last = tally.partials.values().next_back();
        let finish_reason = last.and_then(|partial| partial.finish_reason.clone());
        Partial::new(text, tally.usage, finish_reason)
    }
}
