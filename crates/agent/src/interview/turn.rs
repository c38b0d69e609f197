use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, Message, Result, Role, RunContext, Step, StepScope, Text};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{InterviewTurn, Parts, needs::Known};
use crate::{
    drive::{Addition, admitted, drive_admitted},
    memory::Memory,
};

/// One turn as a step of its own.
pub(super) struct Turn<T>(pub(super) Arc<Parts<T>>);

impl<T: Serialize + DeserializeOwned + Send + 'static> Step<String> for Turn<T> {
    type Output = InterviewTurn<T>;

    fn name(&self) -> &str {
        self.0.agent.name()
    }

    fn kind(&self) -> &'static str {
        "interview"
    }

    fn resumes(&self) -> bool {
        true
    }

    fn call(&self, ctx: RunContext, said: String) -> BoxFuture<'static, Result<InterviewTurn<T>>> {
        let parts = Arc::clone(&self.0);
        let thread = parts.thread.clone();
        parts.turn(ctx, thread, said).boxed()
    }
}

impl<T: DeserializeOwned + Send + 'static> Parts<T> {
    /// Takes in what the person said in a conversation: asks for more, or gives what is complete.
    pub(super) async fn turn(
        self: Arc<Self>,
        ctx: RunContext,
        thread: Text,
        said: String,
    ) -> Result<InterviewTurn<T>> {
        let said = admitted(self.agent.parts(), &ctx, said).await?;
        let (memory, question) = Memory::begin(&ctx, Some(&thread), said.clone());
        let is_question = |it: &&Message| it.role == Role::Assistant && !it.partial;
        let asked = question.before().iter().filter(is_question).count();
        let known = self.read(&ctx, question.before(), &said).await?;
        let lacks = match self.needs.judge(known) {
            Known::All(value) => {
                memory.ask(&question);
                return Ok(InterviewTurn::Complete(value));
            }
            Known::Some(lacks) => lacks,
        };
        if asked >= self.max_questions as usize {
            let message = format!(
                "interview `{}` has asked its {asked} questions, and {}; raise its `max_questions`",
                self.agent.name(),
                lacks.in_short()
            );
            return Err(Error::new(ErrorKind::Limit, message).with_code("max_questions"));
        }
        let agent = self.agent.clone();
        let addition = Box::new(Addition {
            instructions: lacks.in_words().into(),
            thread,
        });
        let scope = StepScope::of("ask", &agent);
        let ask = ctx.perform(scope, move |ctx| {
            drive_admitted(agent, ctx, said, Some(addition))
        });
        Ok(InterviewTurn::Question(ask.await?))
    }

    /// What the person has said so far, as the reader understands it.
    async fn read(&self, ctx: &RunContext, before: &[Message], said: &str) -> Result<Value> {
        let mut lines: Vec<_> = before.iter().filter_map(line).collect();
        lines.push(json!({"person": said}));
        let (reader, asked) = (self.reader.clone(), Value::from(lines).to_string());
        // What the reader is asked and says is no part of any conversation.
        let apart = ctx.context().fork("read");
        apart.clear_messages();
        let scope = StepScope::of("read", &reader).context(apart);
        let quiet = ctx.quiet();
        quiet
            .perform(scope, move |ctx| reader.call(ctx, asked))
            .await
    }
}

fn line(message: &Message) -> Option<Value> {
    match message.role {
        Role::User => Some(json!({"person": message.text()})),
        Role::Assistant if !message.text().is_empty() => Some(json!({"assistant": message.text()})),
        _ => None,
    }
}
