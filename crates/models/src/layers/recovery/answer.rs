//! What the reader of an answer has.

use mainstem_core::{ModelEvent, ModelRequest};

use super::{Plan, WhenCut};

/// All that was given of an answer and isn't void.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    has_begun: bool,
    /// Whether a refusal or a tool call is in it.
    has_more_than_text: bool,
}

/// How an answer goes on after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing of it was given yet.
    Again,
    /// From where it stopped.
    Continued,
    /// From its beginning; what was given is void.
    Anew,
}

impl Answer {
    /// Takes note of what is given.
    pub(super) fn note(&mut self, event: &ModelEvent) {
        let is_empty = matches!(event, ModelEvent::Text(text) if text.is_empty());
        self.has_begun |= event.is_data() && !is_empty;
        match event {
            ModelEvent::Text(text) => self.text.push_str(text),
            ModelEvent::Refusal(_) | ModelEvent::ToolCall { .. } => self.has_more_than_text = true,
            ModelEvent::NextAttempt(next) if next.is_void => *self = Self::default(),
            _ => {}
        }
    }

    /// How it may go on; not at all, if its failure stands.
    pub(super) async fn go_on(&self, plan: &Plan, request: &ModelRequest) -> Option<How> {
        if !self.has_begun {
            return Some(How::Again);
        }
        let can_continue = !self.has_more_than_text && !self.text.trim().is_empty();
        match plan.when_cut {
            WhenCut::Fail => return None,
            WhenCut::Continue if can_continue => return Some(How::Continued),
            WhenCut::Continue | WhenCut::Restart | WhenCut::Hold => {}
        }
        if request.recall.is_possible().await {
            return Some(How::Anew);
        }
        let may_continue = can_continue && plan.when_cut_in_text == WhenCut::Continue;
        may_continue.then_some(How::Continued)
    }
}
