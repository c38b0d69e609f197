use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Context, DecisionKind, Error, ErrorKind, JournalKey, Json, PlanShape, Result, RunContext, Step,
    StepPath, StepPlan,
};

use crate::{
    IntoStep, StepValue,
    child::{Child, misbuilt},
    concurrent::{Concurrent, Suspended, all},
};

const KIND: &str = "map";
/// How many items are under way at once, where nobody said otherwise.
const AT_MOST: usize = 16;

/// A step for each item of a list; made by [`each`].
#[derive(Clone, Debug)]
pub struct Each<S> {
    step: S,
    at_most: usize,
    as_they_come: bool,
}

/// Does a step for each item of a list, up to 16 at once, and gives the list of what they give.
///
/// The events of the third item are those of `research[2]`. Each item has a fork of the context; when
/// all have finished, the forks are [merged](Context::merge) in the order of the items. When one
/// fails, the others are stopped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_flow::{Flow, each};
///
/// let flow = Flow::<Vec<String>>::new("count")
///     .map("lengths", each(async |word: String| Ok(word.len())).at_most(4));
/// let words = vec!["jay".to_owned(), "wren".to_owned()];
/// assert_eq!(flow.run(words).await?.output, [3, 4]);
/// # Ok(())
/// # }
/// ```
pub fn each<S>(step: S) -> Each<S> {
    Each {
        step,
        at_most: AT_MOST,
        as_they_come: false,
    }
}

impl<S> Each<S> {
    /// How many items are under way at once; 16 by default.
    ///
    /// With 0 a run fails with [`ErrorKind::Config`].
    #[must_use]
    pub fn at_most(mut self, count: usize) -> Self {
        self.at_most = count;
        self
    }

    /// Gives the outputs in the order in which the items finish, not in that of the list.
    ///
    /// The order is recorded, item by item, and a run that is resumed keeps it.
    #[must_use]
    pub fn as_they_come(mut self) -> Self {
        self.as_they_come = true;
        self
    }
}

/// What a map goes over: a `Vec` of its items.
#[diagnostic::on_unimplemented(
    message = "a map goes over a list, and the step before gives `{Self}`",
    label = "`{Self}` is no `Vec`",
    note = "let the step before give a `Vec`; `step` takes what isn't a list"
)]
pub trait List<T>: Send + 'static {
    /// The items, in their order.
    fn into_items(self) -> Vec<T>;
}

impl<T: Send + 'static> List<T> for Vec<T> {
    fn into_items(self) -> Self {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<L, T, S, M> IntoStep<L, Each<(T, M)>> for Each<S>
where
    L: List<T>,
    T: Send + 'static,
    S: IntoStep<T, M>,
    S::Step: Step<T>,
    <S::Step as Step<T>>::Output: StepValue,
{
    type Step = Map<T, <S::Step as Step<T>>::Output>;

    fn into_step(self) -> Self::Step {
        Map(Each {
            step: Child::of(self.step.into_step()),
            at_most: self.at_most,
            as_they_come: self.as_they_come,
        })
    }
}

/// A step that does another one for each item of a list: `research[3]/read`.
pub struct Map<T, U>(Each<Child<T, U>>);

impl<L, T, U> Step<L> for Map<T, U>
where
    L: List<T>,
    T: Send + 'static,
    U: StepValue,
{
    type Output = Vec<U>;

    fn name(&self) -> &str {
        KIND
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn plan(&self) -> StepPlan {
        let at_most = self.0.at_most;
        StepPlan::new(KIND, KIND)
            .detail(format!("each item, {at_most} at once"))
            .shape(PlanShape::Repeated)
            .inside([self.0.step.plan()])
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        if self.0.at_most == 0 {
            let message = "`at_most(0)` lets no item begin; give 1 or more";
            return Err(misbuilt(path, message));
        }
        self.0.step.check(path)
    }

    fn call(&self, ctx: RunContext, list: L) -> BoxFuture<'static, Result<Vec<U>>> {
        let Each {
            step,
            at_most,
            as_they_come,
        } = self.0.clone();
        let items = list.into_items();
        async move {
            count(&ctx, items.len()).await?;
            let forks = Forks::default();
            let work = Items {
                step,
                ctx: ctx.clone(),
                forks: forks.clone(),
            };
            let items = items.into_iter().enumerate();
            let outputs = if as_they_come {
                by_end(&ctx, items.map(|(at, item)| work.begin(at, item)), at_most).await?
            } else {
                all(items.map(|(at, item)| work.begin(at, item)), at_most).await?
            };
            forks.merge_into(ctx.context())?;
            Ok(outputs)
        }
        .boxed()
    }
}

/// Records how many items there are.
async fn count(ctx: &RunContext, items: usize) -> Result<()> {
    let key = JournalKey::new(ctx.path().clone(), "items");
    let decided = ctx
        .journal()
        .decide(key, DecisionKind::MapList, Json::new(&items)?)
        .await?
        .to::<usize>()?;
    if decided == items {
        return Ok(());
    }
    let message = format!(
        "the run had begun with a list of {decided} items and goes on with one of {items}; let the \
         step before give the same list again"
    );
    let error = Error::new(ErrorKind::Conflict, message);
    ctx.cannot_resume(error).await
}

/// The forks of the items that have begun, in the order of the items.
#[derive(Clone, Default)]
struct Forks(Arc<Mutex<Vec<Context>>>);

impl Forks {
    fn push(&self, fork: Context) {
        let mut forks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forks.push(fork);
    }

    fn merge_into(&self, context: &Context) -> Result<()> {
        let forks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        context.merge(&*forks)
    }
}

/// What the items need to begin.
struct Items<T, U> {
    step: Child<T, U>,
    ctx: RunContext,
    forks: Forks,
}

impl<T, U> Items<T, U>
where
    T: Send + 'static,
    U: StepValue,
{
    /// Its fork is made only here: there is no more than is needed, however long the list.
    fn begin(&self, index: usize, item: T) -> BoxFuture<'static, (usize, Result<U>)> {
        let fork = self.ctx.context().fork(format!("item {index}"));
        self.forks.push(fork.clone());
        let branch = self
            .ctx
            .branch(u32::try_from(index).unwrap_or(u32::MAX), fork);
        let output = self.step.perform(branch, item);
        output.map(move |output| (index, output)).boxed()
    }
}

/// What goes on while the order of ends counts.
enum Moment<U> {
    Ended(usize, Result<U>),
    /// This item is the next, by the record.
    Next(Result<usize>),
}

/// What all items give, in the order in which they end, or had ended by the record.
///
/// A recorded order holds: an item that ends before its turn waits for it.
async fn by_end<U: Send + 'static>(
    ctx: &RunContext,
    items: impl Iterator<Item = BoxFuture<'static, (usize, Result<U>)>>,
    at_most: usize,
) -> Result<Vec<U>> {
    let ends = items.map(|item| item.map(|(at, output)| Moment::Ended(at, output)).boxed());
    let mut work = Concurrent::new(ends, at_most);
    let mut suspended = Suspended::default();
    let mut outputs = Vec::new();
    // Those that have ended and have no place yet.
    let mut ended = VecDeque::new();
    let mut next = None;
    let mut is_asked = false;
    while let Some(moment) = work.next().await {
        match moment {
            Moment::Ended(index, output) => {
                let output = suspended.note(output)?;
                ended.extend(output.map(|output| (index, output)));
            }
            Moment::Next(index) => (next, is_asked) = (Some(index?), false),
        }
        let there = ended.iter().position(|(index, _)| Some(*index) == next);
        if let Some((_, output)) = there.and_then(|at| ended.remove(at)) {
            outputs.push(output);
            next = None;
        }
        if let (None, false, Some((first, _))) = (next, is_asked, ended.front()) {
            // Beside the items: they must go on, or this may wait for one of them.
            work.push(decide_next(ctx, outputs.len(), *first).boxed());
            is_asked = true;
        }
    }
    suspended.end()?;
    Ok(outputs)
}

fn decide_next<U>(
    ctx: &RunContext,
    place: usize,
    index: usize,
) -> impl Future<Output = Moment<U>> + Send + use<U> {
    let ctx = ctx.clone();
    async move {
        let decide = async {
            let key = JournalKey::new(ctx.path().clone(), format!("next[{place}]"));
            let index = Json::new(&index)?;
            ctx.journal()
                .decide(key, DecisionKind::Order, index)
                .await?
                .to()
        };
        Moment::Next(decide.await)
    }
}

impl<T, U> fmt::Debug for Map<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("step", &self.0.step.plan.name)
            .field("at_most", &self.0.at_most)
            .field("as_they_come", &self.0.as_they_come)
            .finish()
    }
}
