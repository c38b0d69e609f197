//! What a step asks a person.

use std::{any::type_name, time::Duration};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{RunContext, perform::MEND};
use crate::{
    Answer, Error, ErrorKind, InputRequest, JournalKey, Json, Result, StepPath, Text, Timestamp,
    UpstreamError, type_name::short_type,
};

/// The code of an error that says that a person refused to answer.
const DECLINED: &str = "declined";
/// The code of an error that says that nobody answered in time.
const EXPIRED: &str = "expired";

/// A question to a person.
///
/// ```
/// use std::time::Duration;
///
/// use mainstem_core::Question;
///
/// let question = Question::new("Pay 7 €?").expires_in(Duration::from_secs(3600));
/// # let _ = question;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Question {
    prompt: Text,
    expires_in: Option<Duration>,
}

impl Question {
    /// A question that waits as long as it takes.
    pub fn new(prompt: impl Into<Text>) -> Self {
        Self {
            prompt: prompt.into(),
            expires_in: None,
        }
    }

    /// Until when there may be an answer, counted from when it is first asked.
    ///
    /// A run that is resumed later fails in the step that asks, with [`ErrorKind::Timeout`] and the
    /// code `expired`; an answer that comes later is refused.
    pub fn expires_in(mut self, duration: Duration) -> Self {
        self.expires_in = Some(duration);
        self
    }
}

impl From<&str> for Question {
    fn from(prompt: &str) -> Self {
        Self::new(prompt)
    }
}

impl From<String> for Question {
    fn from(prompt: String) -> Self {
        Self::new(prompt)
    }
}

impl RunContext {
    /// Asks a person, and waits for a typed answer.
    ///
    /// Until there is one the run is suspended: this doesn't return, the function is dropped, and the
    /// run's segment ends. When the run is [resumed](crate::Run::resume) with an answer, the function
    /// begins again, and this gives the answer. What must not happen twice belongs in steps before, or
    /// into [`run`](Self::run); or ask in a step of its own, as flows do.
    ///
    /// The key tells the questions of a step apart. The request's id is the path of the step, without
    /// the flow that is the run, and the key: `pay/approve`.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Refused`] and the code `declined`, if the person refused, with the reason
    /// as [`Error::upstream`]; of kind
    /// [`ErrorKind::Timeout`] and the code `expired`, if nobody answered in time; of kind
    /// [`ErrorKind::Value`], if the answer isn't a `T`.
    pub async fn ask<T>(&self, key: &str, question: impl Into<Question>) -> Result<T>
    where
        T: DeserializeOwned + JsonSchema,
    {
        let asked = self.path().child(key);
        match self.answer::<T>(&asked, key, question.into()).await {
            Ok(Asked::Answered(value)) => Ok(value),
            Ok(Asked::Waits(request)) => self.wait_for([request]).await,
            Err(error) => Err(error),
        }
    }

    /// Asks a person on behalf of a step that is nothing but the question; an answer that isn't there
    /// yet is the error that suspends the run.
    ///
    /// It is for who writes such a step; functions use [`ask`](Self::ask). The request's id is the
    /// step's path without the flow that is the run.
    ///
    /// # Errors
    ///
    /// As for [`ask`](Self::ask); of kind [`ErrorKind::Suspended`], if there is no answer yet.
    pub async fn ask_as_step<T>(&self, question: impl Into<Question>) -> Result<T>
    where
        T: DeserializeOwned + JsonSchema,
    {
        match self
            .answer::<T>(self.path(), "ask", question.into())
            .await?
        {
            Asked::Answered(value) => Ok(value),
            Asked::Waits(request) => Err(Error::suspend([request])),
        }
    }

    async fn answer<T>(&self, asked: &StepPath, key: &str, question: Question) -> Result<Asked<T>>
    where
        T: DeserializeOwned + JsonSchema,
    {
        let mut request = InputRequest::new(id_of(asked), self.path().clone(), question.prompt);
        let schema = schemars::schema_for!(T);
        request.schema = Some(Json::new(&schema)?);
        if let Some(wait) = question.expires_in {
            request.expires = Some(self.end_of_wait(key, wait).await?);
        }
        match self.journal().answer(request.clone()).await? {
            Some(Answer {
                refused: Some(reason),
                ..
            }) => Err(refused(&request, reason)),
            Some(answer) => match answer.value.to() {
                Ok(value) => Ok(Asked::Answered(value)),
                Err(error) => self.cannot_resume(unreadable::<T>(&request, error)).await,
            },
            None if request.is_late() => Err(late(&request)),
            None => Ok(Asked::Waits(request)),
        }
    }

    /// When it is too late, decided when the question is first asked.
    async fn end_of_wait(&self, key: &str, wait: Duration) -> Result<Timestamp> {
        let key = JournalKey::new(self.path().clone(), format!("{key} asked"));
        let asked = self.journal().now(key).await?;
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Ok(Timestamp::from_unix_millis(
            asked.as_unix_millis().saturating_add(wait),
        ))
    }

    /// The step waits until these are answered, in another segment of the run.
    pub(super) async fn wait_for<T>(
        &self,
        requests: impl IntoIterator<Item = InputRequest>,
    ) -> Result<T> {
        self.ask_for(requests);
        std::future::pending().await
    }
}

enum Asked<T> {
    Answered(T),
    Waits(InputRequest),
}

impl InputRequest {
    /// Whether it is too late to answer.
    pub fn is_late(&self) -> bool {
        self.expires.is_some_and(|end| end <= Timestamp::now())
    }
}

fn refused(request: &InputRequest, reason: Text) -> Error {
    let id = &request.id;
    // The reason is the upstream's own words.
    let message = format!("whoever was asked `{id}` refused to answer");
    Error::new(ErrorKind::Refused, message)
        .with_code(DECLINED)
        .with_source(UpstreamError::new(reason))
}

/// The answer fits the schema of who asked, and still isn't what the step reads: it was asked by an
/// earlier version of it, or the type is narrower than its schema.
fn unreadable<T>(request: &InputRequest, error: Error) -> Error {
    let (id, name) = (&request.id, short_type(type_name::<T>()));
    let message = format!("the answer to `{id}` can't be read as a `{name}`; {MEND}");
    Error::new(ErrorKind::Value, message).with_source(error)
}

fn late(request: &InputRequest) -> Error {
    let message = format!("nobody answered `{}` in time", request.id);
    Error::new(ErrorKind::Timeout, message)
        .with_code(EXPIRED)
        .retryable(false)
}

/// The path without the flow that is the run, and without attempts: an answer holds for all of them.
fn id_of(path: &StepPath) -> Text {
    let steps: Vec<_> = path.segments().collect();
    let inner = if steps.len() > 1 { &steps[1..] } else { &steps };
    let id = inner.iter().fold(StepPath::run(), |id, step| {
        let id = id.child(&step.name());
        step.index().map_or(id.clone(), |index| id.index(index))
    });
    id.as_str().into()
}
