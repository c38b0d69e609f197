use std::fmt;

use futures::{FutureExt, channel::oneshot, future::BoxFuture};
use mainstem_core::{
    Context, DecisionKind, Error, ErrorKind, JournalKey, Json, PlanShape, Result, Retracted,
    RunContext, Step, StepPath, StepPlan,
};

use crate::{
    IntoStep, StepValue,
    child::{Child, misbuilt},
    concurrent::{Concurrent, Suspended},
};

/// What can compete on an `In`: a tuple of up to eight steps, or a list of steps of one type, all of
/// which give the same.
///
/// Each gets a clone of the input. `Marker` is inferred.
#[diagnostic::on_unimplemented(
    message = "these can't race on `{In}`",
    label = "not steps that take `{In}` and give the same",
    note = "a race is a tuple of up to eight steps, each of which takes what the step before gives: \
            `(quick, thorough.prompt(|text: &String| ..))`",
    note = "all of them give the same, which must be `serde::Serialize` and `serde::Deserialize`",
    note = "each gets a clone of the input, which must be `Clone`"
)]
pub trait IntoRace<In, Marker> {
    /// What each of them gives.
    type Output;

    /// Makes them one step.
    fn into_race(self) -> Race<In, Self::Output>;
}

/// Steps that compete; made by [`Flow::race`](crate::Flow::race).
pub struct Race<In, Out>(Vec<Child<In, Out>>);

macro_rules! race {
    ($First:ident $MFirst:ident $i:tt $(, $S:ident $M:ident $j:tt)*) => {
        impl<In, $First, $MFirst $(, $S, $M)*> IntoRace<In, ($MFirst, $($M,)*)>
            for ($First, $($S,)*)
        where
            In: Send + 'static,
            $First: IntoStep<In, $MFirst>,
            $First::Step: Step<In>,
            <$First::Step as Step<In>>::Output: StepValue,
            $(
                $S: IntoStep<In, $M>,
                $S::Step: Step<In, Output = <$First::Step as Step<In>>::Output>,
            )*
        {
            type Output = <$First::Step as Step<In>>::Output;

            fn into_race(self) -> Race<In, Self::Output> {
                Race(vec![Child::of(self.$i.into_step()) $(, Child::of(self.$j.into_step()))*])
            }
        }
    };
}

race!(A MA 0);
race!(A MA 0, B MB 1);
race!(A MA 0, B MB 1, C MC 2);
race!(A MA 0, B MB 1, C MC 2, D MD 3);
race!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4);
race!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4, F MF 5);
race!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4, F MF 5, G MG 6);
race!(A MA 0, B MB 1, C MC 2, D MD 3, E ME 4, F MF 5, G MG 6, H MH 7);

impl<In, S, M> IntoRace<In, Vec<M>> for Vec<S>
where
    In: Send + 'static,
    S: IntoStep<In, M>,
    S::Step: Step<In>,
    <S::Step as Step<In>>::Output: StepValue,
{
    type Output = <S::Step as Step<In>>::Output;

    fn into_race(self) -> Race<In, Self::Output> {
        let steps = self.into_iter().map(|step| Child::of(step.into_step()));
        Race(steps.collect())
    }
}

impl<In, Out> Step<In> for Race<In, Out>
where
    In: Clone + Send + 'static,
    Out: StepValue,
{
    type Output = Out;

    fn name(&self) -> &str {
        self.kind()
    }

    fn kind(&self) -> &'static str {
        "race"
    }

    fn plan(&self) -> StepPlan {
        StepPlan::new(self.name(), self.kind())
            .shape(PlanShape::Race)
            .inside(self.0.iter().map(Child::plan))
            .gives_as_inside()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        if self.0.is_empty() {
            return Err(misbuilt(
                path,
                "nobody takes part in the race; give a step or more",
            ));
        }
        let mut steps = (0..).zip(&self.0);
        steps.try_for_each(|(index, step)| step.check(&path.index(index)))
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Out>> {
        let steps = self.0.clone();
        async move {
            let (tell, mut told) = oneshot::channel();
            let race = {
                let (ctx, steps, input) = (ctx.clone(), steps.clone(), input.clone());
                async move {
                    let won = compete(&ctx, &steps, input).await?;
                    let winner = Json::new(&won.index);
                    // Nobody wants it any more only if the run is gone.
                    let _ = tell.send(won);
                    winner
                }
            };
            let key = JournalKey::new(ctx.path().clone(), "winner");
            let winner = ctx.journal().run(key, DecisionKind::Winner, race.boxed());
            let winner: u32 = winner.await?.to()?;
            let won = match told.try_recv() {
                Ok(Some(won)) => won,
                // It was won before the run was resumed.
                _ => again(&ctx, &steps, winner, input).await?,
            };
            ctx.context().merge([&won.fork])?;
            Ok(won.output)
        }
        .boxed()
    }
}

/// Who has won, and what that gives.
struct Won<Out> {
    index: u32,
    output: Out,
    fork: Context,
}

/// Lets all of them run until one has finished; what the others had shown is retracted.
async fn compete<In, Out>(ctx: &RunContext, steps: &[Child<In, Out>], input: In) -> Result<Won<Out>>
where
    In: Clone + Send + 'static,
    Out: StepValue,
{
    let mut places = Vec::with_capacity(steps.len());
    let mut runners = Vec::with_capacity(steps.len());
    for (index, step) in (0..).zip(steps) {
        let branch = ctx.branch(index, ctx.context().fork(step.name().clone()));
        places.push(branch.place_before(step.name(), 1));
        runners.push(run(branch, index, step, input.clone()));
    }
    let mut race = Concurrent::new(runners, usize::MAX);
    let mut suspended = Suspended::default();
    let mut failures = Vec::new();
    let mut won = None;
    while let Some((index, fork, result)) = race.next().await {
        match suspended.note(result) {
            Ok(None) => {}
            Err(error) => failures.push((index, error)),
            Ok(Some(output)) => {
                won = Some(Won {
                    index,
                    output,
                    fork,
                });
                break;
            }
        }
    }
    // Stopped first: whoever waits to say something must not say it after it was taken back.
    drop(race);
    let Some(won) = won else {
        suspended.end()?;
        return Err(all_failed(ctx, steps, failures));
    };
    for (index, since) in (0..).zip(places).filter(|(index, _)| *index != won.index) {
        let loser = ctx.branch(index, ctx.context().clone());
        let retracted = Retracted::new(since, "another step won the race");
        loser.emit(retracted).await;
    }
    Ok(won)
}

/// What a competitor gives, with its number and its fork of the context.
type Ran<Out> = (u32, Context, Result<Out>);

fn run<In, Out>(
    branch: RunContext,
    index: u32,
    step: &Child<In, Out>,
    input: In,
) -> BoxFuture<'static, Ran<Out>>
where
    In: Send + 'static,
    Out: StepValue,
{
    let fork = branch.context().clone();
    let output = step.perform(branch, input);
    output.map(move |output| (index, fork, output)).boxed()
}

/// What the winner gives, by its record.
async fn again<In, Out>(
    ctx: &RunContext,
    steps: &[Child<In, Out>],
    winner: u32,
    input: In,
) -> Result<Won<Out>>
where
    In: Send + 'static,
    Out: StepValue,
{
    let Some((index, step)) = (0..).zip(steps).find(|(index, _)| *index == winner) else {
        let message = format!("step {winner} had won the race, which isn't there any more");
        let gone = Error::new(ErrorKind::Conflict, message);
        return ctx.cannot_resume(gone).await;
    };
    for (index, loser) in (0..).zip(steps).filter(|(index, _)| *index != winner) {
        ctx.branch(index, ctx.context().clone())
            .pass_over(loser.name());
    }
    let branch = ctx.branch(index, ctx.context().fork(step.name().clone()));
    let (index, fork, output) = run(branch, index, step, input).await;
    let output = output?;
    Ok(Won {
        index,
        output,
        fork,
    })
}

fn all_failed<In, Out>(
    ctx: &RunContext,
    steps: &[Child<In, Out>],
    failures: Vec<(u32, Error)>,
) -> Error
where
    In: Send + 'static,
    Out: StepValue,
{
    let race = ctx
        .path()
        .last()
        .map_or_else(String::new, |race| race.name().into_owned());
    let race = StepPath::run().child(&race);
    let names: Vec<_> = (0..)
        .zip(steps)
        .filter(|(index, _)| failures.iter().any(|(failed, _)| failed == index))
        .map(|(index, step)| format!("`{}`", race.index(index).child(step.name())))
        .collect();
    let is_retryable = failures.iter().any(|(_, error)| error.is_retryable());
    let message = format!("all that raced have failed: {}", names.join(", "));
    match failures.into_iter().last() {
        Some((_, last)) => Error::new(last.kind(), message)
            .with_source(last)
            .retryable(is_retryable),
        None => Error::new(ErrorKind::Config, "nobody takes part in the race"),
    }
}

impl<In, Out> fmt::Debug for Race<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|step| &step.plan.name);
        f.debug_list().entries(names).finish()
    }
}
