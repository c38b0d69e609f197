use futures::FutureExt;
use mainstem_core::{
    Context, DecisionKind, Error, ErrorKind, Evaluated, JournalKey, Json, JsonDelta, Message,
    Notice, Place, Result, Retracted, RunContext, Step, StepScope, TextDelta,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Draft, Evaluation, Parts, Retake};
use crate::{held::pieces, memory::Memory};

/// The attempts of one run.
pub(super) struct Rounds<'a, T> {
    parts: &'a Parts<T>,
    ctx: RunContext,
    input: String,
    best: Option<Best<T>>,
    /// The place of the first event of the last round, or one before.
    since: Place,
}

struct Best<T> {
    round: u32,
    score: f64,
    output: T,
    context: Context,
}

/// What follows a round.
enum After {
    /// It was good enough, or the last one.
    End,
    /// Another one, with this prompt.
    Again(String),
}

impl<'a, T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Rounds<'a, T> {
    pub(super) fn new(parts: &'a Parts<T>, ctx: RunContext, input: String) -> Self {
        Self {
            parts,
            ctx,
            input,
            best: None,
            since: Place::default(),
        }
    }

    pub(super) async fn run(mut self) -> Result<T> {
        let question = Question::new(&self.ctx, &self.input);
        let mut prompt = self.input.clone();
        let mut round = 0;
        loop {
            match self.round(round, prompt).await? {
                After::Again(next) => prompt = next,
                After::End => break,
            }
            round += 1;
        }
        let best = self
            .best
            .take()
            .ok_or_else(|| Error::new(ErrorKind::Output, "no attempt was made at an answer"))?;
        if self.parts.must_pass && best.score < self.parts.threshold {
            return Err(self.not_good_enough(best.score, round + 1));
        }
        self.show(&best, round).await?;
        self.ctx.context().merge([&best.context])?;
        question.answered(&best.output)?;
        Ok(best.output)
    }

    async fn round(&mut self, round: u32, prompt: String) -> Result<After> {
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

        let again = (!passed && round + 1 < self.parts.attempts).then(|| {
            (self.parts.again)(&Retake {
                input: &self.input,
                output: &output,
                evaluation: &evaluation,
                threshold: self.parts.threshold,
            })
        });
        let again = again.transpose()?;
        let score = evaluation.score;
        if self.best.as_ref().is_none_or(|best| best.score < score) {
            self.best = Some(Best {
                round,
                score,
                output,
                context,
            });
        }
        match again {
            Some(prompt) if self.may_try_again(round, &evaluation).await? => {
                Ok(After::Again(prompt))
            }
            _ => Ok(After::End),
        }
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
            .perform(scope, move |ctx| agent.call(ctx, prompt))
            .await
    }

    /// Takes back what was shown of a round; whether that can be.
    async fn may_try_again(&self, round: u32, evaluation: &Evaluation) -> Result<bool> {
        if !self.parts.is_live {
            return Ok(true);
        }
        // What a reader was shown isn't known any more, when the run is resumed.
        let key = JournalKey::new(self.ctx.path().clone(), format!("again[{round}]"));
        let ask = {
            let (ctx, since) = (self.ctx.clone(), self.since);
            async move { Json::new(&ctx.can_retract_since(ctx.path(), since).await) }
        };
        let journal = self.ctx.journal();
        let may: bool = journal
            .run(key, DecisionKind::Loop, ask.boxed())
            .await?
            .to()?;
        if may {
            let (score, needed) = (evaluation.score, self.parts.threshold);
            let reason = format!("judged with {score} of 100; {needed} are needed");
            self.ctx.emit(Retracted::new(self.since, reason)).await;
        } else {
            let message = "the answer isn't good enough, and isn't asked for again: its reader can't \
                           take text back; read events, or don't show it `live`";
            self.ctx.emit(Notice::new("not_asked_again", message)).await;
        }
        Ok(may)
    }

    /// Shows the best attempt, if its text doesn't stand there already.
    async fn show(&self, best: &Best<T>, last: u32) -> Result<()> {
        if self.parts.is_live {
            if best.round == last {
                return Ok(());
            }
            let reason = "an earlier answer was better";
            self.ctx.emit(Retracted::new(self.since, reason)).await;
        }
        let json = Json::new(&best.output)?;
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
