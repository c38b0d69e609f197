use futures::future::BoxFuture;
use mainstem_core::{Result, RunContext, Step, StepPath, StepPlan, Text};

use crate::{IntoStep, child::misbuilt};

/// A step under a name of its own; made by [`named`].
#[derive(Clone, Debug)]
pub struct Named<S> {
    name: Text,
    step: S,
}

/// Gives a branch a name; without it, agents and functions go by their own.
///
/// ```
/// use mainstem_flow::{Flow, named};
///
/// let flow = Flow::new("measure").parallel(
///     "both",
///     (
///         named("bytes", |text: String| text.len()),
///         named("words", |text: String| text.split(' ').count()),
///     ),
/// );
/// # let _: Flow<String, (usize, usize)> = flow;
/// ```
pub fn named<S>(name: impl Into<Text>, step: S) -> Named<S> {
    Named {
        name: name.into(),
        step,
    }
}

#[diagnostic::do_not_recommend]
impl<In, S, M> IntoStep<In, Named<M>> for Named<S>
where
    S: IntoStep<In, M>,
{
    type Step = NamedStep<S::Step>;

    fn into_step(self) -> Self::Step {
        NamedStep(Named {
            name: self.name,
            step: self.step.into_step(),
        })
    }
}

/// A [`Named`] step, made one.
#[derive(Debug)]
pub struct NamedStep<S>(Named<S>);

impl<In, S> Step<In> for NamedStep<S>
where
    S: Step<In>,
{
    type Output = S::Output;

    fn name(&self) -> &str {
        &self.0.name
    }

    fn kind(&self) -> &'static str {
        self.0.step.kind()
    }

    fn plan(&self) -> StepPlan {
        let mut plan = self.0.step.plan();
        plan.name = self.0.name.clone();
        plan
    }

    fn resumes(&self) -> bool {
        self.0.step.resumes()
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        if self.0.name.trim().is_empty() {
            let around = path.parent().unwrap_or_else(StepPath::run);
            return Err(misbuilt(
                &around,
                "`named(\"\", ..)` has no name; give it one",
            ));
        }
        self.0.step.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<S::Output>> {
        self.0.step.call(ctx, input)
    }
}
