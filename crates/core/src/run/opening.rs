//! How a run with a store begins: a new log, or one that goes on.

use std::sync::{Arc, Mutex};

use mainstem_structured::Schema;
use serde::{Deserialize, Serialize};
use tracing::Span;

use super::{history::History, resume::Resume, session::Session, shared::Shared};
use crate::{
    Answer, Busy, ContextSnapshot, Error, ErrorKind, EventKind, InputRequest, Json, NewRun, Place,
    Result, RunResumed, RunStarted, RunState, RunStatus, Seq, StepPlan, Store, Text, sync::lock,
    usage::Share,
};

/// The code of a run that couldn't be resumed: its log is as it was.
pub(super) const NOT_RESUMED: &str = "not_resumed";

/// How many events are read at once.
const PAGE: usize = 1000;

/// What a resumed run begins with, kept beside its log.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Basis {
    context: ContextSnapshot,
    plan: Option<StepPlan>,
    /// Its first event: the process may die before that is in the log.
    started: Option<RunStarted>,
    /// What its first span is found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<Text>,
}

/// A log that is ready to be written.
pub(super) enum Opened {
    /// It is to be created.
    New(NewRun),
    /// It goes on at this place, with this event.
    Resumed { next: Place, first: EventKind },
}

/// What is to be opened.
pub(super) struct Opening {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Arc<dyn Store>,
    pub(super) busy: Busy,
    pub(super) plan: Option<StepPlan>,
    pub(super) started: RunStarted,
    /// The run's.
    pub(super) span: Span,
}

impl Opening {
    /// A new run: what it begins with is written down.
    pub(super) async fn begin(self, mut new: NewRun) -> Result<Opened> {
        let session = Session::branch(&self.shared.context, self.busy, None).await;
        if let Ok(session) = &session {
            let mut context = session.context().snapshot();
            // Whoever resumes it counts on a context of their own.
            context.usage.clear();
            let basis = Basis {
                context,
                plan: self.plan,
                started: Some(self.started),
                span: self.shared.traces.place(&self.span),
            };
            new.basis = Some(Json::new(&basis)?);
        }
        // That the turn was refused is the run's failure, in its log like any other.
        *lock(&self.shared.session) = Some(session);
        Ok(Opened::New(new))
    }

    /// A run that goes on: nothing is written before all of it is found to fit.
    pub(super) async fn resume(self, resume: Resume) -> Result<Opened> {
        self.reopen(resume)
            .await
            .map_err(|error| error.with_code(NOT_RESUMED))
    }

    async fn reopen(self, resume: Resume) -> Result<Opened> {
        let run = &self.shared.id;
        let state = self.store.state(run).await?;
        // An end that isn't in the log comes after all that is.
        self.shared.slot.number_from(after(&state));
        let has_end = !matches!(state.status, RunStatus::Running | RunStatus::Suspended);
        if has_end && !state.closed {
            // Whatever ran it died between its last event and the end of its log.
            let state = self.store.reopen(run).await?;
            self.store.close(run, state.epoch).await?;
        }
        if has_end || state.closed {
            let message = format!(
                "run `{run}` has ended ({:?}); only a run that is suspended or was cut off can go on",
                state.status
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let basis = self.store.basis(run).await?;
        let basis: Basis = basis.map(|json| json.to()).transpose()?.unwrap_or_default();
        self.shared.traces.link(&self.span, basis.span.as_deref());
        if let (Some(then), Some(now)) = (&basis.plan, &self.plan) {
            now.check_resumes(then)?;
        }
        let mut history = History::default();
        self.read(&mut history).await?;
        if let (Some(then), Some(now)) = (&basis.plan, &self.plan)
            && then != now
        {
            now.check_record(then, &history.begun())?;
        }
        let answers = new_answers(&history, resume.answers)?;

        let session = Session::branch(&self.shared.context, self.busy, Some(basis.context)).await?;
        let state = self.store.reopen(run).await?;
        // Nobody else writes from here on; who did until now has left something, perhaps.
        self.read(&mut history).await?;
        // It may be other answers to the same.
        let answers = new_answers(&history, answers)?;
        for answer in &answers {
            history.answers.insert(answer.id.clone(), answer.clone());
        }
        let next = after(&state);
        let first = match (&history.started, basis.started) {
            (None, Some(started)) => {
                history.started = Some(started.clone());
                started.into()
            }
            _ => RunResumed::new(answers).into(),
        };
        lock(&self.shared.tally).finish_reason = history.finish_reason.clone();
        for (model, usage) in &history.by_model {
            let (model, usage) = (model.clone(), *usage);
            self.shared.ledger.settle(None, &Share { model, usage });
        }
        *lock(&self.shared.session) = Some(Ok(session));
        let _first = self.shared.history.set(Mutex::new(history));
        Ok(Opened::Resumed { next, first })
    }

    /// Reads the log on from where the history ends.
    async fn read(&self, history: &mut History) -> Result<()> {
        loop {
            let page = self.store.read(&self.shared.id, history.last, PAGE).await?;
            page.iter().for_each(|event| history.take(event));
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }
}

/// The place after the last event of a log.
fn after(state: &RunState) -> Place {
    let last = state.last.map_or(Seq(0), |last| last.seq);
    Place::new(state.epoch, Seq(last.0 + 1))
}

/// The answers that aren't in the log yet; each must be asked for, in time, and fit.
fn new_answers(history: &History, answers: Vec<Answer>) -> Result<Vec<Answer>> {
    let is_new = |answer: &Answer| history.answers.get(&answer.id) != Some(answer);
    let new: Vec<_> = answers.into_iter().filter(is_new).collect();
    for answer in &new {
        let asked = history.requests.iter().find(|it| it.id == answer.id);
        match asked {
            Some(request) => request.check(answer)?,
            None => return Err(not_asked(history, answer)),
        }
    }
    Ok(new)
}

fn not_asked(history: &History, answer: &Answer) -> Error {
    let id = &answer.id;
    if history.answers.contains_key(id) {
        let message = format!("request `{id}` has been answered otherwise; an answer stays");
        return Error::new(ErrorKind::Conflict, message);
    }
    let asked: Vec<_> = history.requests.iter().map(|it| &*it.id).collect();
    let asked = match asked.join(", ") {
        asked if asked.is_empty() => "nothing".to_owned(),
        asked => asked,
    };
    let message = format!("nothing is asked under `{id}`; asked is: {asked}");
    Error::new(ErrorKind::NotFound, message)
}

impl InputRequest {
    /// Whether an answer comes in time and is what was asked for.
    fn check(&self, answer: &Answer) -> Result<()> {
        if self.is_late() {
            let message = format!(
                "it is too late to answer `{}`; resume the run without it",
                self.id
            );
            return Err(Error::new(ErrorKind::Timeout, message).retryable(false));
        }
        match &self.schema {
            Some(schema) if answer.refused.is_none() => fits(schema, answer),
            _ => Ok(()),
        }
    }
}

fn fits(schema: &Json, answer: &Answer) -> Result<()> {
    // What can't be judged here is judged by the step that asked, when it reads the answer.
    let Ok(schema) = Schema::from_value(schema.to()?) else {
        return Ok(());
    };
    let mut judge = schema.judge();
    let verdict = judge
        .feed(answer.value.as_str().as_bytes())
        .and_then(|()| judge.finish());
    verdict.map_err(|error| {
        let message = format!(
            "the answer to `{}` isn't what was asked for: expected {}",
            answer.id, error.expected
        );
        Error::new(ErrorKind::Value, message).with_source(error)
    })
}
