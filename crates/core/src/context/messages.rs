use std::sync::Arc;

use crate::Message;

/// The messages of one thread, numbered from its beginning.
///
/// A number stays when the messages before it are forgotten: so a branch and its context mean the
/// same message by the same number, whatever either of them forgot meanwhile.
#[derive(Clone, Default)]
pub(super) struct Messages {
    /// The number of the first one that is kept.
    first: usize,
    kept: Arc<Vec<Message>>,
}

impl Messages {
    pub(super) fn first(&self) -> usize {
        self.first
    }

    /// The number that the next one will have.
    pub(super) fn end(&self) -> usize {
        self.first + self.kept.len()
    }

    pub(super) fn kept(&self) -> &Arc<Vec<Message>> {
        &self.kept
    }

    /// The ones from a number on.
    pub(super) fn since(&self, number: usize) -> &[Message] {
        let forgotten = number.saturating_sub(self.first).min(self.kept.len());
        &self.kept[forgotten..]
    }

    pub(super) fn push(&mut self, message: Message) {
        Arc::make_mut(&mut self.kept).push(message);
    }

    pub(super) fn extend(&mut self, messages: &[Message]) {
        Arc::make_mut(&mut self.kept).extend_from_slice(messages);
    }

    pub(super) fn forget_before(&mut self, number: usize) {
        if number > self.first {
            self.kept = Arc::new(self.since(number).to_vec());
            self.first = number;
        }
    }
}

impl From<Vec<Message>> for Messages {
    fn from(messages: Vec<Message>) -> Self {
        Self {
            first: 0,
            kept: Arc::new(messages),
        }
    }
}
