use std::{ops::Deref, sync::Arc};

use super::Context;
use crate::{Message, Text, sync::lock};

/// One conversation of a [`Context`].
#[derive(Clone, Debug)]
pub struct Thread {
    context: Context,
    name: Text,
}

/// The messages of a conversation at one moment; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History(Arc<Vec<Message>>);

impl Thread {
    pub(super) fn new(context: Context, name: Text) -> Self {
        Self { context, name }
    }

    /// Its name; the main one's is empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its messages, as they are now.
    pub fn messages(&self) -> History {
        let state = lock(&self.context.0.state);
        match state.threads.get(&*self.name) {
            Some(messages) => History(Arc::clone(messages.kept())),
            None => History::default(),
        }
    }

    /// Adds a message.
    pub fn add(&self, message: Message) {
        lock(&self.context.0.state).thread(&self.name).push(message);
    }
}

impl Deref for History {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a History {
    type Item = &'a Message;
    type IntoIter = std::slice::Iter<'a, Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
