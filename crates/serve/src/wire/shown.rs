//! What readers of events see of them.

use std::borrow::Cow;

use mainstem_core::{Event, EventKind};

/// An event without what its step changed in the context.
///
/// That is for whoever resumes the run: what flows keep there, and messages as a provider wants them back,
/// aren't meant for clients.
pub(super) fn of(event: &Event) -> Cow<'_, Event> {
    let keeps = match &event.kind {
        EventKind::StepFinished(finished) => finished.context_delta.is_some(),
        EventKind::StepFailed(failed) => failed.context_delta.is_some(),
        _ => false,
    };
    if !keeps {
        return Cow::Borrowed(event);
    }
    let mut event = event.clone();
    match &mut event.kind {
        EventKind::StepFinished(finished) => finished.context_delta = None,
        EventKind::StepFailed(failed) => failed.context_delta = None,
        _ => {}
    }
    Cow::Owned(event)
}
