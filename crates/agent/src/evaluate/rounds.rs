use futures::FutureExt;
use mainstem_core::{
    Context, DecisionKind, Error, ErrorKind, Evaluated, JournalKey, Json, JsonDelta, Message,
    Notice, Place, Result, Retracted, RunContext, StepScope, TextDelta,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Draft, Evaluation, Parts, Retake};
use crate::{drive::drive_admitted, held::pieces, memory::Memory};

/// The attempts of one run.
pub(super) struct Rounds<'a, T> {
    parts: &'a Parts<T>,
    ctx: RunContext,
    input: String,
    /// The place of the first event of the last round, or one before.
    since: Place,
}

/// A round that was judged.
struct Judged<T> {
    evaluation: Evaluation,
    output: T,
    /// What it left.
    context: Context,
}

impl<'a, T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Rounds<'a, T> {
    pub(super) fn new(parts: &'a Parts<T>, ctx: RunContext, input: String) -> Self {
        Self {
            parts,
            ctx,
            input,
            since: Place::default(),
        }
    }

    pub(super) async fn run(mut self) -> Result<T> {
        let question = Question::new(&self.ctx, &self.input);
        let mut last = self.round(0, self.input.clone()).await?;
        // The best one before the last.
        let mut before: Option<Judged<T>> = None;
        let mut rounds = 1;
        while let Some(prompt) = self.again(rounds, &last).await? {
            let next = self.round(rounds, prompt).await?;
            let best = match before {
                Some(before) if before.evaluation.score >= last.evaluation.score => before,
                _ => last,
            };
            (before, last) = (Some(best), next);
            rounds += 1;
        }
        let best = before.filter(|before| before.evaluation.score > last.evaluation.score);
        let score = best.as_ref().unwrap_or(&last).evaluation.score;
        if self.parts.must_pass && score < self.parts.threshold {
            return Err(self.not_good_enough(score, rounds));
        }
        let chosen = self.choose(best, last).await?;
        self.ctx.context().merge([&chosen.context])?;
        question.answered(&chosen.output)?;
        Ok(chosen.output)
    }

    async fn round(&mut self, round: u32, prompt: String) -> Result<Judged<T>> {
        let context = self.ctx.context().fork(self.parts.agent.name().to_owned());
        self.since = self
            .ctx
            .branch(round, self.ctx.context().clone())
            .place_before(self.parts.agent.name(), 1);
        let output = self.attempt(round, prompt, context.clone()).await?;
        let inside = self.ctx.branch(round, self.ctx.context().clone());
        let draft = Draft {
            input: self.input.clone(),
            output: output.clone(),
        };
        let evaluation = self.parts.judge.judge(&inside, draft).await?;
        let passed = evaluation.score >= self.parts.threshold;
        let mut evaluated = Evaluated::new(evaluation.score, passed);
        evaluated.feedback = Some(evaluation.feedback.as_str())
            .filter(|feedback| !feedback.is_empty())
            .map(Into::into);
        self.ctx.emit(evaluated).await;
        Ok(Judged {
            evaluation,
            output,
            context,
        })
    }

    /// The prompt of another round, after so many; none, if the last one was good enough, no other is
    /// allowed, or what was shown of the last one can't be taken back.
    async fn again(&self, rounds: u32, last: &Judged<T>) -> Result<Option<String>> {
        let (score, needed) = (last.evaluation.score, self.parts.threshold);
        if score >= needed || rounds >= self.parts.attempts {
            return Ok(None);
        }
        let prompt = (self.parts.again)(&Retake {
            input: &self.input,
            output: &last.output,
            evaluation: &last.evaluation,
            threshold: needed,
        })?;
        if !self.parts.is_live {
            return Ok(Some(prompt));
        }
        let reason = format!("judged with {score} of 100; {needed} are needed");
        let key = format!("again[{}]", rounds - 1);
        if self.take_back(key, reason).await? {
            return Ok(Some(prompt));
        }
        let message = "the answer isn't good enough, and isn't asked for again: its reader can't take \
                       text back; read events, or don't show it `live`";
        self.ctx.emit(Notice::new("not_asked_again", message)).await;
        Ok(None)
    }

    /// The round whose output it is: the last one, or one before that was better; not if the last one
    /// stands before its reader for good.
    async fn choose(&self, better: Option<Judged<T>>, last: Judged<T>) -> Result<Judged<T>> {
        if !self.parts.is_live {
            let best = better.unwrap_or(last);
            self.show(&best.output).await?;
            return Ok(best);
        }
        let Some(better) = better else {
            return Ok(last);
        };
        let reason = "an earlier answer was better".to_owned();
        if self.take_back("best".to_owned(), reason).await? {
            self.show(&better.output).await?;
            return Ok(better);
        }
        let message = "an earlier answer was better, and the last one stands: its reader can't take text \
                       back; read events, or don't show it `live`";
        self.ctx.emit(Notice::new("not_the_best", message)).await;
        Ok(last)
    }

    /// An attempt sees the context as it was, and works on a fork of it.
    async fn attempt(&self, round: u32, prompt: String, context: Context) -> Result<T> {
        let agent = self.parts.agent.clone();
        let mut inside = self.ctx.branch(round, context);
        if !self.parts.is_live {
            inside = inside.quiet();
        }
        let scope = StepScope::of(agent.name().to_owned(), &agent);
        inside
            .perform(scope, move |ctx| drive_admitted(agent, ctx, prompt, None))
            .await
    }

    /// Takes back what was shown of the last round, if its reader can; says whether.
    async fn take_back(&self, key: String, reason: String) -> Result<bool> {
        // What a reader was shown isn't known any more, when the run is resumed.
        let key = JournalKey::new(self.ctx.path().clone(), key);
        let ask = {
            let (ctx, since) = (self.ctx.clone(), self.since);
            async move { Json::new(&ctx.can_retract_since(ctx.path(), since).await) }
        };
        let journal = self.ctx.journal();
        let can: bool = journal
            .run(key, DecisionKind::Loop, ask.boxed())
            .await?
            .to()?;
        if can {
            self.ctx.emit(Retracted::new(self.since, reason)).await;
        }
        Ok(can)
    }

    /// Shows an output that was held back or taken back.
    async fn show(&self, output: &T) -> Result<()> {
        let json = Json::new(output)?;
        let is_text = !self.parts.agent.is_typed();
        let text = match is_text {
            true => json.to::<String>()?,
            false => json.as_str().to_owned(),
        };
        for piece in pieces(&text) {
            match is_text {
                true => self.ctx.emit(TextDelta::new(piece)).await,
                false => self.ctx.emit(JsonDelta::new(piece)).await,
            }
        }
        Ok(())
    }

    fn not_good_enough(&self, score: f64, attempts: u32) -> Error {
        let message = format!(
            "the best of {attempts} attempts was judged with {score} of 100, and {} are needed; allow \
             more `attempts`, or lower the `threshold`",
            self.parts.threshold
        );
        Error::new(ErrorKind::Output, message).with_code("not_good_enough")
    }
}

/// What was asked, and is remembered with the answer: also if there is none.
struct Question {
    ctx: RunContext,
    input: Option<String>,
}

impl Question {
    fn new(ctx: &RunContext, input: &str) -> Self {
        let input = ctx.is_whole_run().then(|| input.to_owned());
        Self {
            ctx: ctx.clone(),
            input,
        }
    }

    fn answered<T: Serialize>(mut self, output: &T) -> Result<()> {
        let Some(input) = self.input.take() else {
            return Ok(());
        };
        let json = Json::new(output)?;
        let words = json.to::<String>();
        let words = words.unwrap_or_else(|_| json.as_str().to_owned());
        let (memory, question) = Memory::begin(&self.ctx, None, input);
        memory.ask(&question);
        memory.add(Message::assistant(words));
        Ok(())
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(input) = self.input.take() {
            let (memory, question) = Memory::begin(&self.ctx, None, input);
            memory.ask(&question);
        }
    }
}
