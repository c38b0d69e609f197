use mainstem_core::{Context, Message, RunContext, Text, Thread};

/// What an agent reads of its context, and where it writes to.
///
/// An agent that is the whole of a run remembers the conversation. Inside of a flow it reads the
/// history, and writes only to a thread of its own.
#[derive(Clone)]
pub(crate) struct Memory {
    ctx: RunContext,
    remembers: Option<Thread>,
}

impl Memory {
    /// Takes in the question; gives the conversation up to it, too.
    pub(crate) fn begin(
        ctx: &RunContext,
        own: Option<&Text>,
        input: String,
    ) -> (Self, Vec<Message>) {
        let thread = match own {
            Some(name) => ctx.context().thread(name.clone()),
            None => Context::main(ctx.context()),
        };
        let remembers = (own.is_some() || ctx.is_whole_run()).then_some(thread.clone());
        let message = Message::user(input);
        let history = thread.messages();
        // A tool has no part in the conversation of the model that calls it.
        let is_apart = own.is_none() && ctx.is_in_tool();
        let asked = !is_apart && history.last() == Some(&message);
        let before = if is_apart { &[] } else { &*history };
        // With room for the question: a long conversation isn't moved for it.
        let mut messages = Vec::with_capacity(before.len() + 1);
        messages.extend_from_slice(before);
        drop(history);
        if !asked {
            messages.push(message.clone());
            remember(ctx, remembers.as_ref(), message);
        }
        let memory = Self {
            ctx: ctx.clone(),
            remembers,
        };
        (memory, messages)
    }

    pub(crate) fn add(&self, message: Message) {
        remember(&self.ctx, self.remembers.as_ref(), message);
    }
}

fn remember(ctx: &RunContext, thread: Option<&Thread>, message: Message) {
    if let Some(thread) = thread {
        thread.add(message.clone());
        ctx.record_message(message);
    }
}
