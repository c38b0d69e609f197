use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Json, Place, Result, RunId, StepPath, Text, Timestamp};

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
    pub fn answer<T: Serialize + ?Sized>(mut self, id: &str, value: &T) -> Result<Self> {
        if !self.requests.iter().any(|request| request.id == id) {
            let asked: Vec<_> = self.requests.iter().map(|request| &*request.id).collect();
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "nothing is asked under `{id}`; asked are: {}",
                    asked.join(", ")
                ),
            ));
        }
        self.answers.retain(|answer| answer.id != id);
        self.answers.push(Answer::new(id, Json::new(value)?));
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
    /// The answer.
    pub value: Json,
}

impl Answer {
    /// An answer to a request.
    pub fn new(id: impl Into<Text>, value: Json) -> Self {
        Self {
            id: id.into(),
            value,
        }
    }
}
