use mainstem_core::{Context, History, Message, RunContext, Text, Thread};

/// What an agent reads of its context, and where it writes to.
///
/// An agent that is the whole of a run remembers the conversation. Inside of a flow it reads the
/// history, and writes only to a thread of its own.
#[derive(Clone)]
pub(crate) struct Memory {
    ctx: RunContext,
    remembers: Option<Thread>,
}

/// A question, and the conversation before it.
pub(crate) struct Question {
    pub(crate) message: Message,
    pub(crate) history: History,
    /// How many messages of it come before the question; if there is one more, that is the question.
    pub(crate) before: usize,
    /// The conversation's name.
    pub(crate) thread: Text,
}

impl Memory {
    /// A question, which isn't remembered yet.
    pub(crate) fn begin(ctx: &RunContext, own: Option<&Text>, input: String) -> (Self, Question) {
        let thread = match own {
            Some(name) => ctx.context().thread(name.clone()),
            None => Context::main(ctx.context()),
        };
        let remembers = (own.is_some() || ctx.is_whole_run()).then_some(thread.clone());
        let message = Message::user(input);
        // A tool has no part in the conversation of the model that calls it.
        let is_apart = own.is_none() && ctx.is_in_tool();
        let history = match is_apart {
            true => History::default(),
            false => thread.messages(),
        };
        let asked = history.last() == Some(&message);
        let question = Question {
            message,
            before: history.len() - usize::from(asked),
            history,
            thread: thread.name().into(),
        };
        let memory = Self {
            ctx: ctx.clone(),
            remembers,
        };
        (memory, question)
    }

    /// Remembers a question.
    pub(crate) fn ask(&self, question: &Question) {
        if question.before == question.history.len() {
            self.add(question.message.clone());
        }
    }

    /// Remembers a question; gives the whole conversation, with it.
    pub(crate) fn ask_with_history(&self, question: Question) -> Vec<Message> {
        // With room for the question: a long conversation isn't moved for it.
        let mut messages = Vec::with_capacity(question.before + 1);
        messages.extend_from_slice(question.before());
        messages.push(question.message.clone());
        let is_new = question.before == question.history.len();
        // Nor is it copied, which it is to be added to.
        drop(question);
        if let (true, Some(last)) = (is_new, messages.last()) {
            self.add(last.clone());
        }
        messages
    }

    pub(crate) fn add(&self, message: Message) {
        if let Some(thread) = &self.remembers {
            thread.add(message.clone());
            self.ctx.record_message(message);
        }
    }
}

impl Question {
    /// The conversation before it.
    pub(crate) fn before(&self) -> &[Message] {
        &self.history[..self.before]
    }
}
