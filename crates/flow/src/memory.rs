//! What a flow remembers of a run.

use mainstem_core::{Json, Message, RunContext, Text};
use serde::Serialize;

/// Remembers a run's input and output in the session, if the flow is the whole of the run.
///
/// Both are added when the run ends, so that until then its agents read the history as it was. A run
/// that fails or is stopped leaves its input; and what there was of its last step's text, as a
/// partial answer.
pub(crate) struct Memory {
    ctx: RunContext,
    /// What is to be added before the answer; none, if nothing is to be remembered.
    new: Option<Vec<Message>>,
    in_last_step: bool,
}

impl Memory {
    pub(crate) fn begin<In: Serialize>(ctx: &RunContext, input: &In) -> Self {
        let new = ctx.is_whole_run().then(|| {
            let question = words(input).map(Message::user);
            // One that was added by hand is there already.
            let last = ctx.context().messages().last().cloned();
            question
                .filter(|question| last.as_ref() != Some(question))
                .into_iter()
                .collect()
        });
        Self {
            ctx: ctx.clone(),
            new,
            in_last_step: false,
        }
    }

    /// From here on, what is said belongs to the answer.
    pub(crate) fn begin_last_step(&mut self) {
        self.in_last_step = true;
    }

    pub(crate) fn end<Out: Serialize>(mut self, output: &Out) {
        let answer = words(output).map(Message::assistant);
        self.remember(answer);
    }

    fn remember(&mut self, answer: Option<Message>) {
        let Some(mut new) = self.new.take() else {
            return;
        };
        new.extend(answer);
        let thread = self.ctx.context().main();
        for message in new {
            thread.add(message.clone());
            self.ctx.record_message(message);
        }
    }
}

impl Drop for Memory {
    /// Dropped before its end, the run failed or was stopped.
    fn drop(&mut self) {
        let partial = self.in_last_step.then(|| self.ctx.partial()).flatten();
        let answer = partial
            .filter(|partial| !partial.text.is_empty())
            .map(|partial| {
                let mut message = Message::assistant(partial.text);
                message.partial = true;
                message
            });
        self.remember(answer);
    }
}

/// A text as it is, anything else as JSON; none for nothing.
fn words<T: Serialize>(value: &T) -> Option<Text> {
    let json = Json::new(value).ok()?;
    let words = json
        .to::<String>()
        .unwrap_or_else(|_| json.as_str().to_owned());
    (!words.is_empty() && words != "null").then(|| words.into())
}
