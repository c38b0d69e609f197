use std::fmt;

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Context, Error, ErrorKind, PlanShape, Result, RunContext, Step, StepPath, StepPlan,
};

use crate::{
    IntoStep, StepValue,
    child::misbuilt,
    concurrent::all,
    node::Node,
    value::{Value, downcast},
};

/// What can run in parallel on an `In`: a tuple of up to eight steps, or a list of steps of one type.
///
/// Each gets a clone of the input; the output is the tuple, or the list, of what they give. `Marker` is
/// inferred.
/// [`at_most`] bounds how many run at once.
#[diagnostic::on_unimplemented(
    message = "these are not branches that take `{In}`",
    label = "not branches that take `{In}`",
    note = "branches are a tuple of up to eight steps, each of which takes what the step before \
            gives: `(expert, sceptic.prompt(|text: &String| ..))`",
    note = "each branch gets a clone of the input, which must be `Clone`",
    note = "what each branch gives must be `serde::Serialize` and `serde::Deserialize`"
)]
pub trait IntoBranches<In, Marker> {
    /// The tuple, or the list, of what the branches give.
    type Output;

    /// Makes them one step.
    fn into_branches(self) -> Parallel<In, Self::Output>;
}

/// Steps that run at the same time on the same input; made by
/// [`Flow::parallel`](crate::Flow::parallel).
///
/// All are polled in one task: their events interleave in one stream, by turns where several are
/// ready. Each has a fork of the context; the forks are merged in the order of the branches, once
/// all have finished. When one fails, the others are stopped and nothing is merged. When one is
/// suspended, the others go on to their end first.
pub struct Parallel<In, Out> {
    branches: Vec<Node>,
    at_most: usize,
    gather: fn(Vec<Value>) -> Result<Out>,
    clone: fn(&In) -> Value,
}

/// Branches of which only so many run at once; made by [`at_most`].
#[derive(Clone, Debug)]
pub struct AtMost<B> {
    count: usize,
    branches: B,
}

/// Lets at most `count` branches run at once; the next begins when one has finished.
///
/// Without it, all run at once. With a count of 0 the run fails with
/// [`ErrorKind::Config`].
///
/// ```
/// use mainstem_flow::{Flow, at_most};
///
/// let flow = Flow::new("measure").parallel(
///     "both",
///     at_most(1, (|text: String| text.len(), |text: String| text.is_empty())),
/// );
/// # let _: Flow<String, (usize, bool)> = flow;
/// ```
pub fn at_most<B>(count: usize, branches: B) -> AtMost<B> {
    AtMost { count, branches }
}

impl<In, B, M> IntoBranches<In, AtMost<M>> for AtMost<B>
where
    B: IntoBranches<In, M>,
{
    type Output = B::Output;

    fn into_branches(self) -> Parallel<In, B::Output> {
        Parallel {
            at_most: self.count,
            ..self.branches.into_branches()
        }
    }
}

macro_rules! branches {
    ($($S:ident $M:ident $i:tt),+) => {
        impl<In, $($S, $M),+> IntoBranches<In, ($($M,)+)> for ($($S,)+)
        where
            In: Clone + Send + 'static,
            $(
                $S: IntoStep<In, $M>,
                $S::Step: Step<In>,
                <$S::Step as Step<In>>::Output: StepValue,
            )+
        {
            type Output = ($(<$S::Step as Step<In>>::Output,)+);

            fn into_branches(self) -> Parallel<In, Self::Output> {
                Parallel {
                    branches: vec![$(Node::of(self.$i.into_step())),+],
                    at_most: usize::MAX,
                    gather: |outputs| {
                        let mut outputs = outputs.into_iter();
                        Ok(($(next::<<$S::Step as Step<In>>::Output>(&mut outputs)?,)+))
                    },
                    clone: |input| Box::new(input.clone()),
                }
            }
        }
    };
}

branches!(A MA 0);
branches!(A MA 0, B MB 1);
branches!(A MA 0, B MB 1, C MC 2);
branches!(A MA 0, B MB 1, C MC 2, D MD 3);
branches!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4);
branches!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4, F MF 5);
branches!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4, F MF 5, G MG 6);
branches!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4, F MF 5, G MG 6, H MH 7);

impl<In, S, M> IntoBranches<In, Vec<M>> for Vec<S>
where
    In: Clone + Send + 'static,
    S: IntoStep<In, M>,
    S::Step: Step<In>,
    <S::Step as Step<In>>::Output: StepValue,
{
    type Output = Vec<<S::Step as Step<In>>::Output>;

    fn into_branches(self) -> Parallel<In, Self::Output> {
        let branches = self.into_iter().map(|step| Node::of(step.into_step()));
        Parallel {
            branches: branches.collect(),
            at_most: usize::MAX,
            gather: |outputs| outputs.into_iter().map(downcast).collect(),
            clone: |input| Box::new(input.clone()),
        }
    }
}

/// The next branch's output, as its type.
fn next<T: 'static>(outputs: &mut impl Iterator<Item = Value>) -> Result<T> {
    match outputs.next() {
        Some(value) => downcast(value),
        None => Err(Error::new(ErrorKind::Value, "a branch gave no output")),
    }
}

impl<In, Out> Step<In> for Parallel<In, Out>
where
    In: Clone + Send + 'static,
    Out: StepValue,
{
    type Output = Out;

    fn name(&self) -> &str {
        "parallel"
    }

    fn kind(&self) -> &'static str {
        "parallel"
    }

    fn plan(&self) -> StepPlan {
        let branches = self.branches.iter().map(|node| node.plan().clone());
        StepPlan::new(self.name(), self.kind())
            .shape(PlanShape::Together)
            .inside(branches)
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        if self.at_most == 0 {
            let message = "`at_most(0, ..)` lets no branch run; give 1 or more";
            return Err(misbuilt(path, message));
        }
        if self.branches.is_empty() {
            return Err(misbuilt(path, "there are no branches; give a step or more"));
        }
        let mut branches = (0..).zip(&self.branches);
        branches.try_for_each(|(index, branch)| branch.check(&path.index(index)))
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Out>> {
        let branches = Branches::new(&self.branches, &ctx, || (self.clone)(&input));
        let (at_most, gather) = (self.at_most, self.gather);
        async move { gather(branches.run(&ctx, at_most).await?) }.boxed()
    }
}

/// Branches about to run.
struct Branches {
    forks: Vec<Context>,
    work: Vec<Work>,
}

/// A branch: what it gives, with its number.
type Work = BoxFuture<'static, (usize, Result<Value>)>;

impl Branches {
    /// All forks are made before any branch begins: each sees the context as it was here.
    fn new(nodes: &[Node], ctx: &RunContext, input: impl Fn() -> Value) -> Self {
        let mut forks = Vec::with_capacity(nodes.len());
        let mut work = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let fork = ctx.context().fork(node.name().clone());
            forks.push(fork.clone());
            let branch = ctx.branch(u32::try_from(index).unwrap_or(u32::MAX), fork);
            let output = node.perform(branch, input());
            work.push(output.map(move |output| (index, output)).boxed());
        }
        Self { forks, work }
    }

    /// What they give, in their order.
    async fn run(self, ctx: &RunContext, at_most: usize) -> Result<Vec<Value>> {
        let outputs = all(self.work.into_iter(), at_most).await?;
        ctx.context().merge(&self.forks)?;
        Ok(outputs)
    }
}

impl<In, Out> fmt::Debug for Parallel<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.branches.iter().map(Node::name))
            .finish()
    }
}
