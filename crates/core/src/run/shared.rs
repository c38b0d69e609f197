use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicBool},
};

use super::{
    asides::Asides, history::History, partials::Partials, session::Session, shown::Given,
    slot::Slot, spoken::Spoken,
};
use crate::{
    Context, Error, Event, FinishReason, Journal, Message, ModelSettings, Partial, Result, RunId,
    StepPath, Store, Text, TimeLimits, Traces, Usage, sync::lock, usage::Ledger,
};

/// What the steps of a run share with its reader.
pub(crate) struct Shared {
    pub(super) id: RunId,
    pub(super) slot: Arc<Slot>,
    pub(super) store: Option<Arc<dyn Store>>,
    /// The caller's session.
    pub(super) context: Context,
    /// What the work begins with, where that was made ready before: in a run with a store.
    pub(super) session: Mutex<Option<Result<Session>>>,
    /// What a resumed run has done before.
    pub(super) history: Past,
    /// Why a resumed run can't go on, found once its work came to what it can't use.
    pub(super) unusable: OnceLock<Error>,
    /// The newest attempts of steps that had more than one.
    pub(super) attempts: Mutex<HashMap<StepPath, u32>>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) settings: ModelSettings,
    pub(super) time_limits: Option<TimeLimits>,
    pub(super) tally: Mutex<Tally>,
    /// What its requests use, held to its limits.
    pub(super) ledger: Ledger,
    /// What isn't shown as text.
    pub(super) asides: Asides,
    /// What readers were given that they can't take back.
    pub(super) given: Mutex<Given>,
    pub(super) traces: Traces,
    /// Whether a step ever asked a person something while it ran.
    pub(super) any_asked: AtomicBool,
    /// What the run's own function says, outside of all steps.
    pub(super) said: Spoken,
}

/// What a resumed run has done before; unset in others.
pub(super) type Past = Arc<OnceLock<Mutex<History>>>;

/// What has come together so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) usage: Usage,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) messages: Vec<Message>,
    pub(super) partials: Partials,
}

impl Shared {
    /// The text that an event adds to the run's.
    pub(super) fn text_of<'a>(&self, event: &'a Event) -> Option<&'a Text> {
        let text = event.text().filter(|text| !text.is_empty())?;
        (!self.asides.cover(&event.path)).then_some(text)
    }

    /// What the steps under way had delivered, in the order of their paths.
    pub(super) fn partial(&self) -> Partial {
        let mut tally = lock(&self.tally);
        if let Some((text, last)) = self.said.all() {
            tally.partials.said(&StepPath::run(), &text, last);
        }
        let delivered = tally.partials.within(&StepPath::run(), tally.usage);
        delivered.unwrap_or_else(|| Partial::new("", tally.usage, None))
    }

    /// A step, or the run itself, fails with an error that may say what had been delivered.
    pub(super) fn pass_on(&self, path: &StepPath, error: &Error) {
        if let Some(partial) = error.partial()
            && !self.asides.cover(path)
        {
            let next = self.slot.next_place();
            lock(&self.tally).partials.pass_on(path, partial, next);
        }
    }
}
