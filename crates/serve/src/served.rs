//! What can be served: agents and flows by name, whatever they take and give.

use std::{collections::BTreeMap, fmt, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use mainstem_core::{
    Context, Error, ErrorKind, Event, Json, Result, Resume, Run, RunId, RunStream, Step, StepPath,
    StepPlan, StepWrapper, StopHandle, Store, Text, WrappedStep,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{misfit, session::code};

/// An agent or a flow under a name, to be started by JSON.
///
/// It is made of any [`Step`] whose input can be read from JSON. Agents take a string.
///
/// ```
/// use mainstem_serve::Served;
/// # use futures::{FutureExt, future::BoxFuture};
/// # use mainstem_core::{Result, RunContext, Step};
/// # struct Shout;
/// # impl Step<String> for Shout {
/// #     type Output = String;
/// #     fn name(&self) -> &str { "shout" }
/// #     fn kind(&self) -> &'static str { "function" }
/// #     fn call(&self, _ctx: RunContext, text: String) -> BoxFuture<'static, Result<String>> {
/// #         async move { Ok(text.to_uppercase()) }.boxed()
/// #     }
/// # }
/// let shout = Shout; // an agent, a flow
///
/// let served = Served::new(shout).named("loud");
/// assert_eq!(served.name(), "loud");
/// ```
#[derive(Clone)]
pub struct Served {
    name: Text,
    input_schema: Option<Json>,
    step: Arc<dyn Erased>,
}

impl Served {
    /// Serves a step under its own name.
    pub fn new<In, S>(step: S) -> Self
    where
        In: DeserializeOwned + Serialize + Send + 'static,
        S: Step<In>,
        S::Output: DeserializeOwned,
    {
        Self::with(step, |run| run)
    }

    /// Serves a step, and prepares each of its runs: settings, limits, prices, traces.
    ///
    /// What the server sets itself (id, owner, store, metadata) is set after that.
    pub fn with<In, S>(
        step: S,
        prepare: impl Fn(Run<S::Output>) -> Run<S::Output> + Send + Sync + 'static,
    ) -> Self
    where
        In: DeserializeOwned + Serialize + Send + 'static,
        S: Step<In>,
        S::Output: DeserializeOwned,
    {
        Self {
            name: step.name().into(),
            input_schema: None,
            step: Arc::new(Typed {
                step: Arc::new(step),
                prepare,
                takes: std::marker::PhantomData::<fn(In)>,
            }),
        }
    }

    /// Serves it under another name, which is also the first segment of its events' paths.
    #[must_use]
    pub fn named(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }

    /// Says what its input looks like, as a JSON schema: for [`input_schema`](Self::input_schema).
    #[must_use]
    pub fn with_input_schema(mut self, schema: Json) -> Self {
        self.input_schema = Some(schema);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The JSON schema of its input, if somebody said it.
    pub fn input_schema(&self) -> Option<&Json> {
        self.input_schema.as_ref()
    }

    /// What it is made of.
    pub fn plan(&self) -> StepPlan {
        self.step.plan(&self.name)
    }

    /// Finds what is put together wrongly in it.
    pub(crate) fn check(&self) -> Result<()> {
        self.step.check(&StepPath::run().child(&self.name))
    }

    pub(crate) fn begin(&self, input: &Json, setup: Setup) -> Result<Begun> {
        self.step.begin(&self.name, input, setup)
    }

    pub(crate) fn resume(&self, resume: Resume, setup: Setup) -> Begun {
        self.step.resume(&self.name, resume, setup)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a server gives a run.
pub(crate) struct Setup {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) id: Option<RunId>,
    pub(crate) owner: Option<Text>,
    pub(crate) metadata: BTreeMap<String, serde_json::Value>,
    pub(crate) context: Option<Context>,
    pub(crate) max_output_bytes: Option<u64>,
}

impl Setup {
    fn of<T: Serialize + Send + 'static>(self, mut run: Run<T>) -> Run<T> {
        run = run.store(self.store);
        if let Some(id) = self.id {
            run = run.id(id);
        }
        if let Some(owner) = self.owner {
            run = run.owner(owner);
        }
        if let Some(context) = self.context {
            run = run.context(&context);
        }
        if let Some(bytes) = self.max_output_bytes {
            run = run.max_output_bytes(bytes);
        }
        let metadata = self.metadata.into_iter();
        metadata.fold(run, |run, (name, value)| run.metadata(name, value))
    }
}

/// A run whose types are forgotten. Nothing happens until its events are polled.
pub(crate) struct Begun {
    pub(crate) events: BoxStream<'static, Event>,
    pub(crate) stop: StopHandle,
}

impl Begun {
    fn of<T: Send + 'static>(run: RunStream<T>) -> Self {
        Self {
            stop: run.stop_handle(),
            events: run.boxed(),
        }
    }
}

trait Erased: Send + Sync {
    fn plan(&self, name: &Text) -> StepPlan;
    fn check(&self, path: &StepPath) -> Result<()>;
    fn begin(&self, name: &Text, input: &Json, setup: Setup) -> Result<Begun>;
    fn resume(&self, name: &Text, resume: Resume, setup: Setup) -> Begun;
}

struct Typed<In, S, F> {
    step: Arc<S>,
    prepare: F,
    takes: std::marker::PhantomData<fn(In)>,
}

impl<In, S, F> Erased for Typed<In, S, F>
where
    In: DeserializeOwned + Serialize + Send + 'static,
    S: Step<In>,
    S::Output: DeserializeOwned,
    F: Fn(Run<S::Output>) -> Run<S::Output> + Send + Sync,
{
    fn plan(&self, name: &Text) -> StepPlan {
        Step::<In>::plan(&self.named(name))
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.step.check(path)
    }

    fn begin(&self, name: &Text, input: &Json, setup: Setup) -> Result<Begun> {
        let input: In = read(name, input)?;
        let run = (self.prepare)(Run::of(self.named(name), input));
        Ok(Begun::of(setup.of(run).stream()))
    }

    fn resume(&self, name: &Text, resume: Resume, setup: Setup) -> Begun {
        let run = (self.prepare)(Run::resume(self.named(name), resume));
        Begun::of(setup.of(run).stream())
    }
}

impl<In, S, F> Typed<In, S, F> {
    fn named(&self, name: &Text) -> WrappedStep<ServedAs, Arc<S>> {
        WrappedStep::new(ServedAs(name.clone()), Arc::clone(&self.step))
    }
}

/// The name that a step is served by.
struct ServedAs(Text);

impl StepWrapper for ServedAs {
    fn name<'a>(&'a self, _inner: &'a str) -> &'a str {
        &self.0
    }
}

/// Reads an input; what doesn't fit is told by its place, and by what was expected there.
fn read<In: DeserializeOwned>(name: &str, input: &Json) -> Result<In> {
    misfit::read(input.as_str()).map_err(|misfit| {
        let what = &misfit.what;
        let message = match &*misfit.pointer {
            "" if input.as_str() == "null" => format!(
                "`{name}` needs an input, and `input` is null or was left out: {what}; send what it \
                 takes as `input`"
            ),
            "" => format!("`{name}` can't take this input: {what}; send what it takes as `input`"),
            pointer => format!(
                "`{name}` can't take this input: at `/input{pointer}`, {what}; send what it takes as \
                 `input`"
            ),
        };
        Error::new(ErrorKind::Input, message).with_code(code::INPUT)
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)] // read for its errors
    struct Trip {
        city: String,
        days: Vec<u8>,
    }

    #[test]
    fn an_input_that_doesnt_fit_is_told_by_its_place_and_never_by_its_content() {
        for (json, told) in [
            (
                r#""my secret""#,
                "can't take this input: expected an object;",
            ),
            (
                r#"{"city": "my secret", "days": [1, "my secret"]}"#,
                "can't take this input: at `/input/days/1`, expected a whole number from 0 to 255;",
            ),
            (
                "null",
                "`input` is null or was left out: expected an object;",
            ),
        ] {
            let error = read::<Trip>("plan", &Json::parse(json).unwrap()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(told), "{shown}");
            assert!(shown.contains("`plan`"), "{shown}");
            assert!(!shown.contains("secret"), "{shown}");
            assert_eq!(error.kind(), ErrorKind::Input);
        }
    }
}
