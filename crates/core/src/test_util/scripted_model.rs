use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt, stream};

use crate::{
    Error, ErrorKind, FinishReason, Model, ModelEvent, ModelRequest, ModelStream, Result, Text,
    Usage, sync::lock,
};

/// A model that answers by script; a clone is the same model.
///
/// Each request takes the next script; one too many gets an error. The requests are kept.
///
/// ```
/// # futures::executor::block_on(async {
/// use futures::StreamExt;
/// use mainstem_core::{Message, Model, ModelEvent, ModelRequest, test_util::ScriptedModel};
///
/// let model = ScriptedModel::new().answer(["Ja", "ys"]);
/// let request = ModelRequest::new([Message::user("Name a bird.")]);
/// let events: Vec<_> = model.stream(request).collect().await;
/// assert_eq!(*events[1].as_ref().unwrap(), ModelEvent::Text("Ja".into()));
/// assert_eq!(model.requests().len(), 1);
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScriptedModel {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    /// For requests after the last script.
    rest: Option<Script>,
    requests: Arc<Mutex<Vec<ModelRequest>>>,
}

/// One scripted answer.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Vec<ScriptStep>,
}

#[derive(Clone, Debug)]
enum ScriptStep {
    Event(ModelEvent),
    Wait(Duration),
    Fail(Error),
    Stall,
}

impl ScriptedModel {
    /// A model without answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers each request that comes after the last script so, as [`answer`](Self::answer) does.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use futures::StreamExt;
    /// use mainstem_core::{Message, Model, ModelRequest, test_util::ScriptedModel};
    ///
    /// let model = ScriptedModel::new().always(["Jays"]);
    /// for _ in 0..2 {
    ///     let request = ModelRequest::new([Message::user("Name a bird.")]);
    ///     assert!(model.stream(request).all(async |event| event.is_ok()).await);
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn always<T: Into<Text>>(mut self, pieces: impl IntoIterator<Item = T>) -> Self {
        self.rest = Some(Script::text(pieces));
        self
    }

    /// Adds a complete text answer in pieces: with a request id, a usage of 3 tokens in and one out
    /// for each piece, and the finish reason `stop`.
    #[must_use]
    pub fn answer<T: Into<Text>>(self, pieces: impl IntoIterator<Item = T>) -> Self {
        self.script(Script::text(pieces))
    }

    /// Adds an answer that calls tools, by their names and arguments: with the ids `call_0`, `call_1`, …, a
    /// usage of 3 tokens in and one out for each call, and the finish reason `tool_calls`.
    #[must_use]
    pub fn calls<N: Into<Text>>(
        self,
        calls: impl IntoIterator<Item = (N, serde_json::Value)>,
    ) -> Self {
        self.script(Script::calls(calls))
    }

    /// Adds an answer.
    #[must_use]
    pub fn script(self, script: Script) -> Self {
        lock(&self.scripts).push_back(script);
        self
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<ModelRequest> {
        lock(&self.requests).clone()
    }
}

impl Script {
    /// An answer of nothing, which therefore ends too early.
    pub fn new() -> Self {
        Self::default()
    }

    /// A complete text answer; see [`ScriptedModel::answer`].
    pub fn text<T: Into<Text>>(pieces: impl IntoIterator<Item = T>) -> Self {
        let mut script = Self::new().event(ModelEvent::Started {
            request_id: Some("req-1".into()),
        });
        let mut count = 0;
        for piece in pieces {
            script = script.event(ModelEvent::Text(piece.into()));
            count += 1;
        }
        script
            .event(ModelEvent::Usage(Usage::new(3, count)))
            .event(ModelEvent::Finished(FinishReason::Stop))
    }

    /// An answer that calls tools; see [`ScriptedModel::calls`].
    pub fn calls<N: Into<Text>>(calls: impl IntoIterator<Item = (N, serde_json::Value)>) -> Self {
        let mut script = Self::new().event(ModelEvent::Started { request_id: None });
        let mut count = 0;
        for (index, (name, arguments)) in (0..).zip(calls) {
            let id = format!("call_{index}").into();
            let name = name.into();
            let text = arguments.to_string().into();
            script = script
                .event(ModelEvent::ToolCall { index, id, name })
                .event(ModelEvent::ToolArguments { index, text });
            count += 1;
        }
        script
            .event(ModelEvent::Usage(Usage::new(3, count)))
            .event(ModelEvent::Finished(FinishReason::ToolCalls))
    }

    /// Adds an event.
    #[must_use]
    pub fn event(mut self, event: ModelEvent) -> Self {
        self.steps.push(ScriptStep::Event(event));
        self
    }

    /// Waits.
    #[must_use]
    pub fn wait(mut self, duration: Duration) -> Self {
        self.steps.push(ScriptStep::Wait(duration));
        self
    }

    /// Fails.
    #[must_use]
    pub fn fail(mut self, error: Error) -> Self {
        self.steps.push(ScriptStep::Fail(error));
        self
    }

    /// Never goes on.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.steps.push(ScriptStep::Stall);
        self
    }
}

impl ScriptStep {
    async fn play(self) -> Option<Result<ModelEvent>> {
        match self {
            Self::Event(event) => Some(Ok(event)),
            Self::Fail(error) => Some(Err(error)),
            Self::Wait(duration) => {
                tokio::time::sleep(duration).await;
                None
            }
            Self::Stall => std::future::pending().await,
        }
    }
}

impl Model for ScriptedModel {
    fn id(&self) -> &str {
        "scripted"
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        lock(&self.requests).push(request);
        let Some(script) = lock(&self.scripts)
            .pop_front()
            .or_else(|| self.rest.clone())
        else {
            return ModelStream::from_error(Error::new(
                ErrorKind::Model,
                "the scripted model has no answer left; give it one more by `answer` or `script`",
            ));
        };
        ModelStream::new(stream::iter(script.steps).filter_map(ScriptStep::play))
    }
}
