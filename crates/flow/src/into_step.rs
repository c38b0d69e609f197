use mainstem_core::{Step, StepResult};
use serde::Serialize;

use crate::{Function, FunctionStep};

/// What can be a step that takes `In`.
///
/// - Every [`Step`]: agents, flows, and what an application implements itself.
/// - A plain function, `fn(In) -> T`; or one that can fail, `fn(In) -> StepResult<T>`.
/// - An async function, `async fn(In) -> StepResult<T>`; also `async |input: In| ..`, which can't
///   capture anything: [`with`](crate::with) hands it what it needs.
/// - Each of them with a [`RunContext`](mainstem_core::RunContext) before the input: through it the
///   step emits text, progress, notices and events of its own, and reads the session.
///
/// The parameters of closures need their types. `Marker` tells the kinds apart and is inferred.
#[diagnostic::on_unimplemented(
    message = "this is no step after one that gives `{In}`: its input or its output doesn't fit",
    label = "doesn't take `{In}`, or gives what isn't serde",
    note = "a step is an agent, a flow, or a function of what the step before gives: `fn(In) -> T`, \
            `fn(In) -> StepResult<T>` or `async fn(In) -> StepResult<T>`, with a `RunContext` before \
            the input if it wants one",
    note = "what it gives must be `serde::Serialize` and `serde::Deserialize`",
    note = "an agent takes a `String`; `agent.prompt(|value: &{In}| ..)` makes it take `{In}`",
    note = "the parameters of closures need their types: `|text: String| ..`",
    note = "an async closure can't capture: `with(value, async |value, input: In| ..)` hands it what \
            it needs"
)]
pub trait IntoStep<In, Marker> {
    /// The step that it becomes.
    type Step;

    /// Makes it one.
    fn into_step(self) -> Self::Step;
}

/// The kinds of functions, by what they give; inferred, never written.
pub mod marker {
    pub use mainstem_core::function::marker::{Async, Fallible, Plain};

    /// It is a step already.
    #[derive(Debug)]
    pub struct IsStep;
    /// It is built of steps.
    #[derive(Debug)]
    pub struct Built;
}

impl<In, S> IntoStep<In, marker::IsStep> for S
where
    S: Step<In>,
{
    type Step = S;

    fn into_step(self) -> S {
        self
    }
}

impl<In, F, Args> IntoStep<In, (marker::Plain, Args)> for F
where
    F: Function<In, Args>,
    F::Gives: Serialize,
{
    type Step = FunctionStep<F, marker::Plain, Args>;

    fn into_step(self) -> Self::Step {
        FunctionStep::new(self)
    }
}

impl<In, F, Args, T> IntoStep<In, (marker::Fallible, Args, T)> for F
where
    F: Function<In, Args, Gives = StepResult<T>>,
{
    type Step = FunctionStep<F, marker::Fallible, Args>;

    fn into_step(self) -> Self::Step {
        FunctionStep::new(self)
    }
}

// Whether the future is `Send`, and what it gives, is asked by `FunctionStep`: so the compiler says
// what is wrong with it, rather than that this isn't a step.
impl<In, F, Args> IntoStep<In, (marker::Async, Args)> for F
where
    F: Function<In, Args>,
    F::Gives: Future,
{
    type Step = FunctionStep<F, marker::Async, Args>;

    fn into_step(self) -> Self::Step {
        FunctionStep::new(self)
    }
}
