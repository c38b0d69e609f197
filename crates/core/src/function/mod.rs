//! Functions, by the arguments that they take.

mod output;
mod with;

pub use output::StepOutput;
pub use with::{With, with};

use crate::RunContext;

/// The kinds of functions, by what they give; inferred, never written.
pub mod marker {
    /// It gives a value.
    #[derive(Debug)]
    pub struct Plain;
    /// It gives a `StepResult`.
    #[derive(Debug)]
    pub struct Fallible;
    /// It gives a future.
    #[derive(Debug)]
    pub struct Async;
}

/// A function of a step's input, or of a tool's arguments: `Fn(In)`, or `Fn(RunContext, In)`.
///
/// Implemented for every such function, and for one that [`with`] hands what it needs; `Args` tells them
/// apart and is inferred. What it may give is a [`StepOutput`].
#[diagnostic::on_unimplemented(
    message = "this is no function of `{In}`",
    label = "doesn't take `{In}` alone, nor a `RunContext` and `{In}`",
    note = "a function of a step or a tool is `fn(In) -> T`, `fn(In) -> StepResult<T>` or \
            `async fn(In) -> StepResult<T>`, with a `RunContext` before the input if it wants one",
    note = "the parameters of closures need their types: `|text: String| ..`",
    note = "an async closure can't capture: `with(value, async |value, input: In| ..)` hands it what \
            it needs"
)]
pub trait Function<In, Args> {
    /// What a call gives: a value, a `Result`, or a future.
    type Gives;

    /// Calls it.
    fn call(&self, ctx: RunContext, input: In) -> Self::Gives;

    /// Its name in the code; `function` for closures.
    fn name() -> &'static str {
        short_name(std::any::type_name::<Self>())
    }
}

impl<In, F, G> Function<In, (In,)> for F
where
    F: Fn(In) -> G,
{
    type Gives = G;

    fn call(&self, _ctx: RunContext, input: In) -> G {
        self(input)
    }
}

impl<In, F, G> Function<In, (RunContext, In)> for F
where
    F: Fn(RunContext, In) -> G,
{
    type Gives = G;

    fn call(&self, ctx: RunContext, input: In) -> G {
        self(ctx, input)
    }
}

impl<In, D, F, G> Function<In, (D, In)> for With<D, F>
where
    D: Clone,
    F: Fn(D, In) -> G,
{
    type Gives = G;

    fn call(&self, _ctx: RunContext, input: In) -> G {
        (self.function)(self.value.clone(), input)
    }

    fn name() -> &'static str {
        short_name(std::any::type_name::<F>())
    }
}

impl<In, D, F, G> Function<In, (RunContext, D, In)> for With<D, F>
where
    D: Clone,
    F: Fn(RunContext, D, In) -> G,
{
    type Gives = G;

    fn call(&self, ctx: RunContext, input: In) -> G {
        (self.function)(ctx, self.value.clone(), input)
    }

    fn name() -> &'static str {
        short_name(std::any::type_name::<F>())
    }
}

/// `analyze` of `guide::steps::analyze::<String>`.
fn short_name(full: &'static str) -> &'static str {
    if full.contains("{{closure}}") {
        return "function";
    }
    let path = full.split('<').next().unwrap_or(full);
    path.trim_end_matches("::")
        .rsplit("::")
        .next()
        .unwrap_or("function")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(n: u8) -> u8 {
        n
    }

    fn generic<T>(value: T) -> T {
        value
    }

    fn name_of<F: Function<u8, (u8,)>>(_: F) -> &'static str {
        F::name()
    }

    #[test]
    fn a_function_has_its_name_and_a_closure_none() {
        assert_eq!(name_of(plain), "plain");
        assert_eq!(name_of(generic::<u8>), "generic");
        assert_eq!(name_of(|n: u8| n), "function");
    }
}
