//! What an agent's requests hold beside its instructions and its input: put together once in each run.

use std::{collections::HashSet, sync::Arc};

use futures::future::try_join_all;
use mainstem_core::{
    Error, ErrorKind, Message, Notice, Result, Role, RunContext, StepScope, Text, TokenCounter,
};

use super::{
    ContextBlock, ContextProvider, ContextQuery, Summarizer, block::put_before, budget,
    history::Limit, summary::Summary,
};
use crate::{agent::Parts, memory::Question};

/// Who provides an agent with what.
#[derive(Clone, Default)]
pub(crate) struct Supply {
    pub(crate) providers: Vec<Arc<dyn ContextProvider>>,
    pub(crate) max_context_tokens: Option<u64>,
    pub(crate) max_history_messages: Option<usize>,
    pub(crate) max_history_tokens: Option<u64>,
    pub(crate) summarizer: Option<Summarizer>,
}

impl Parts {
    /// Whether what it is provided with fits together.
    pub(crate) fn check_supply(&self) -> Result<()> {
        let has_counter = self.token_counter.is_some();
        self.supply.check(&self.name, has_counter)
    }

    /// The conversation that the model is sent: what the limits leave of the history, then the question,
    /// with the context before them.
    pub(crate) async fn put_together(
        &self,
        ctx: &RunContext,
        question: Question,
    ) -> Result<Vec<Message>> {
        let (name, counter) = (&self.name, self.token_counter.as_deref());
        self.supply.put_together(name, counter, ctx, question).await
    }
}

impl Supply {
    /// Whether a request is the whole conversation and nothing else.
    pub(crate) fn is_none(&self) -> bool {
        self.providers.is_empty() && !self.limits_history()
    }

    fn limits_history(&self) -> bool {
        self.max_history_messages.is_some() || self.max_history_tokens.is_some()
    }

    fn check(&self, agent: &str, has_counter: bool) -> Result<()> {
        let config = |message: String| Err(Error::new(ErrorKind::Config, message));
        let mut names = HashSet::new();
        for provider in &self.providers {
            let name = provider.name();
            if name.trim().is_empty() {
                return config(format!(
                    "agent `{agent}` gets context from a provider without a name; give it one"
                ));
            }
            if !names.insert(name) {
                return config(format!(
                    "agent `{agent}` gets context from two providers called `{name}`; give one of them \
                     another name"
                ));
            }
        }
        if self.max_context_tokens.is_some() && self.providers.is_empty() {
            return config(format!(
                "agent `{agent}` limits its context, and gets none; add `context_from`"
            ));
        }
        if self.summarizer.is_some() && !self.limits_history() {
            return config(format!(
                "agent `{agent}` summarises its history, and has no limit that says when; add \
                 `max_history_tokens` or `max_history_messages`"
            ));
        }
        let in_tokens = self.max_context_tokens.or(self.max_history_tokens);
        if in_tokens.is_some() && !has_counter {
            return config(format!(
                "agent `{agent}` limits its history or its context in tokens, and nothing counts them; add \
                 a `token_counter`"
            ));
        }
        Ok(())
    }

    async fn put_together(
        &self,
        agent: &Text,
        counter: Option<&dyn TokenCounter>,
        ctx: &RunContext,
        asked: Question,
    ) -> Result<Vec<Message>> {
        let mut blocks = self.provided(agent, ctx, &asked).await?;
        if let (Some(most), Some(counter)) = (self.max_context_tokens, counter) {
            blocks = cut(blocks, most, counter, ctx).await;
        }
        let (mut conversation, summary) = self.history(counter, ctx, &asked).await?;
        blocks.extend(summary);
        conversation.push(asked.message);
        put_before(&mut conversation, &blocks);
        Ok(conversation)
    }

    /// What all providers give, in their order. They are asked at the same time, each on a fork.
    async fn provided(
        &self,
        agent: &Text,
        ctx: &RunContext,
        asked: &Question,
    ) -> Result<Vec<ContextBlock>> {
        let inside = ctx.quiet();
        let mut forks = Vec::with_capacity(self.providers.len());
        let given = self.providers.iter().map(|provider| {
            let query = ContextQuery {
                agent: agent.clone(),
                input: asked.message.text().into(),
                history: asked.history.clone(),
                before: asked.before,
            };
            let name = format!("context:{}", provider.name());
            let fork = ctx.context().fork(name.clone());
            forks.push(fork.clone());
            let provider = Arc::clone(provider);
            let scope = StepScope::new(name, "context").context(fork);
            inside.perform(scope, move |ctx| async move {
                let given = provider.provide(ctx, query).await;
                given.map_err(Error::from)
            })
        });
        let given: Vec<_> = given.collect();
        let given = try_join_all(given).await?;
        ctx.context().merge(&forks)?;
        let blocks = given.into_iter().flatten();
        Ok(blocks.filter(|block| !block.is_empty()).collect())
    }

    /// What goes of the conversation so far into the request; and a summary of the rest.
    async fn history(
        &self,
        counter: Option<&dyn TokenCounter>,
        ctx: &RunContext,
        asked: &Question,
    ) -> Result<(Vec<Message>, Option<ContextBlock>)> {
        let history = asked.before();
        let limit = Limit {
            messages: self.max_history_messages,
            tokens: self.max_history_tokens,
            counter,
        };
        let (first, summary) = match &self.summarizer {
            Some(summarizer) => summarise(summarizer, limit, ctx, asked).await?,
            None => (limit.first_kept(history), None),
        };
        let (left_out, kept) = history.split_at(first);
        let system = left_out.iter().filter(|it| it.role == Role::System);
        // With room for the question.
        let mut sent = Vec::with_capacity(kept.len() + 2);
        sent.extend(system.chain(kept).cloned());
        let summary = summary
            .map(|summary| ContextBlock::new("summary of the conversation so far", summary.text));
        Ok((sent, summary))
    }
}

/// The first message that isn't summarised, and the summary of those before it.
async fn summarise(
    summarizer: &Summarizer,
    limit: Limit<'_>,
    ctx: &RunContext,
    asked: &Question,
) -> Result<(usize, Option<Summary>)> {
    let history = asked.before();
    let summary = Summary::of(ctx.context(), &asked.thread, history)?;
    let after = summary.as_ref().map_or(0, Summary::messages);
    let rest = &history[after..];
    let first = limit.first_kept(rest);
    if first == 0 {
        return Ok((after, summary));
    }
    // Down to half of the limit, so that the next turns fit; but the last turn stays, if it can.
    let first = match limit.half().first_kept(rest) {
        none if none == rest.len() => first,
        half => half,
    };
    let until = after + first;
    let summary = summarizer
        .add(ctx, &asked.thread, summary.as_ref(), history, until)
        .await?;
    Ok((until, Some(summary)))
}

/// What fits of the blocks; those who read events are told of the rest.
async fn cut(
    blocks: Vec<ContextBlock>,
    most: u64,
    counter: &dyn TokenCounter,
    ctx: &RunContext,
) -> Vec<ContextBlock> {
    let (kept, cuts) = budget::cut(blocks, most, counter);
    for cut in cuts {
        let (name, of) = (&cut.name, cut.of);
        let how = match cut.kept {
            0 => "is left out".to_owned(),
            kept => format!("is cut to {kept} of {of} bytes"),
        };
        let message =
            format!("context `{name}` {how}; the agent's `max_context_tokens` are {most}");
        ctx.emit(Notice::new("context_cut", message)).await;
    }
    kept
}
