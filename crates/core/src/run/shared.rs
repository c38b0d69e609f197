use std::sync::{Arc, Mutex};

use super::{partials::Partials, shown::Given, slot::Slot};
use crate::{
    Context, Error, FinishReason, Journal, Message, ModelSettings, Partial, RunId, StepPath,
    TimeLimits, Usage, sync::lock,
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
    /// What readers were given that they can't take back.
    pub(super) given: Mutex<Given>,
}

/// What has come together so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) usage: Usage,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) messages: Vec<Message>,
    pub(super) partials: Partials,
}

impl Shared {
    /// What the steps under way had delivered, in the order of their paths.
    pub(super) fn partial(&self) -> Partial {
        let tally = lock(&self.tally);
        let delivered = tally.partials.within(&StepPath::run(), tally.usage);
        delivered.unwrap_or_else(|| Partial::new("", tally.usage, None))
    }

    /// A step, or the run itself, fails with an error that may say what had been delivered.
    pub(super) fn pass_on(&self, path: &StepPath, error: &Error) {
        if let Some(partial) = error.partial() {
            let next = self.slot.next_place();
            lock(&self.tally).partials.pass_on(path, partial, next);
        }
    }
}
