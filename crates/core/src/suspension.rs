use serde::{Deserialize, Serialize};

use crate::{
    Error, ErrorKind, EventKind, Json, Place, Result, RunId, RunStatus, Seq, StepPath, Store, Text,
    Timestamp,
};

/// What a suspended run waits for.
///
/// It can be stored, sent, and answered in another process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Suspension {
    /// The run.
    pub run: RunId,
    /// The place of its last event.
    pub place: Place,
    /// What is asked.
    pub requests: Vec<InputRequest>,
    /// What has been answered so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
}

impl Suspension {
    /// A run that waits at a place.
    pub fn new(run: RunId, place: Place, requests: Vec<InputRequest>) -> Self {
        Self {
            run,
            place,
            requests,
            answers: Vec::new(),
        }
    }

    /// What a suspended run waits for, from the store that has its log.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use mainstem_core::{MemoryStore, Outcome, Run, RunContext, Suspension};
    ///
    /// let store = MemoryStore::new();
    /// let run = Run::new("pay", |ctx: RunContext| async move {
    ///     ctx.ask::<bool>("approve", "Pay 7 €?").await
    /// });
    /// let id = run.store(store.clone()).outcome().await?.suspended().unwrap().run;
    /// let asked = Suspension::load(&store, &id).await?;
    /// assert_eq!(asked.requests[0].prompt, "Pay 7 €?");
    /// # Ok::<(), mainstem_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`], if the run isn't suspended, and of kind
    /// [`ErrorKind::NotFound`], if the store hasn't got it.
    pub async fn load(store: &impl Store, run: &RunId) -> Result<Self> {
        let state = store.state(run).await?;
        let waits = state.status == RunStatus::Suspended;
        if let Some(last) = state.last.filter(|_| waits) {
            let before = Place::new(last.epoch, Seq(last.seq.0 - 1));
            let events = store.read(run, Some(before), 1).await?;
            if let Some(EventKind::RunSuspended(asked)) = events.first().map(|event| &event.kind) {
                return Ok(Self::new(run.clone(), last, asked.requests.clone()));
            }
        }
        let status = state.status.as_str();
        let message = format!("run `{run}` doesn't wait for an answer: it is {status}");
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Answers one request; a second answer replaces the first.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NotFound`], if nothing of that id is asked, and of kind
    /// [`ErrorKind::Value`], if the value can't be JSON.
    ///
    /// ```
    /// use mainstem_core::{InputRequest, Place, RunId, StepPath, Suspension};
    ///
    /// let ask = InputRequest::new("approve", StepPath::run().child("pay"), "Pay 7 €?");
    /// let suspension = Suspension::new(RunId::new(), Place::default(), vec![ask]);
    /// let answered = suspension.answer("approve", &true)?;
    /// assert_eq!(answered.answers[0].value.as_str(), "true");
    /// assert!(answered.answer("other", &true).is_err());
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn answer<T: Serialize + ?Sized>(self, id: &str, value: &T) -> Result<Self> {
        self.take(Answer::new(id, Json::new(value)?))
    }

    /// Refuses to answer one request: the step that asked fails, for this reason.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::NotFound`], if nothing of that id is asked.
    pub fn refuse(self, id: &str, reason: impl Into<Text>) -> Result<Self> {
        let mut answer = Answer::new(id, Json::null());
        answer.refused = Some(reason.into());
        self.take(answer)
    }

    fn take(mut self, answer: Answer) -> Result<Self> {
        let id = &answer.id;
        if !self.requests.iter().any(|request| request.id == *id) {
            let asked: Vec<_> = self.requests.iter().map(|request| &*request.id).collect();
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "nothing is asked under `{id}`; asked are: {}",
                    asked.join(", ")
                ),
            ));
        }
        self.answers.retain(|there| there.id != *id);
        self.answers.push(answer);
        Ok(self)
    }
}

/// One thing that a run asks of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputRequest {
    /// Its name within the run.
    pub id: Text,
    /// The step that asks.
    pub step: StepPath,
    /// The question, for a person to read.
    pub prompt: Text,
    /// The JSON schema of the answer.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub schema: Option<Json>,
    /// When it is too late to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl InputRequest {
    /// A question of a step.
    pub fn new(id: impl Into<Text>, step: StepPath, prompt: impl Into<Text>) -> Self {
        Self {
            id: id.into(),
            step,
            prompt: prompt.into(),
            schema: None,
            expires: None,
        }
    }
}

/// An answer to an [`InputRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// Which request it answers.
    pub id: Text,
    /// The answer; `null`, if it was refused.
    pub value: Json,
    /// Why whoever was asked won't answer; none, if there is an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Text>,
}

impl Answer {
    /// An answer to a request.
    pub fn new(id: impl Into<Text>, value: Json) -> Self {
        Self {
            id: id.into(),
            value,
            refused: None,
        }
    }
}
