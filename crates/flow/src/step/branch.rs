use std::{any::TypeId, fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    DecisionKind, Error, ErrorKind, JournalKey, Json, PlanShape, Result, RunContext, Step,
    StepPath, StepPlan, Text,
};
use serde::Serialize;

use crate::{
    IntoStep, StepValue,
    child::{Child, misbuilt},
    marker,
};

/// What the arm for everything else is called.
const OTHERWISE: &str = "otherwise";

/// One of several steps, by a key of the input; made by [`by`], [`by_value`] and [`by_step`].
///
/// Its arms take the same input and give the same output. Each is called as its key is written in
/// JSON, `bug`, `true` or `3`, and so is the step in it: `route/bug`. Which arm was taken is recorded
/// as a decision, so that a run that is resumed takes the same one.
///
/// An input that chooses no arm is an error of kind [`ErrorKind::Value`], unless there is an arm for
/// it by [`otherwise`](Self::otherwise). Two arms of the same key, a branch without arms, and one by a
/// `bool` that lacks an arm are refused before anything runs.
pub struct Branch<In, K, Out> {
    chooser: Chooser<In, K>,
    /// None for the arm for everything else, which is the last.
    arms: Vec<(Option<K>, Child<In, Out>)>,
    /// The first key that can't be written.
    unwritable: Option<Error>,
}

/// What an arm can be given as its key: the key itself, or a `&str` where the keys are text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key of this branch",
    label = "the keys of this branch are `{K}`",
    note = "the key of an arm is what the branch chooses by: what the function of `by` or the step of \
            `by_step` gives, or the input of `by_value`"
)]
pub trait ArmKey<K> {
    /// The key.
    fn into_key(self) -> K;
}

impl<K> ArmKey<K> for K {
    fn into_key(self) -> K {
        self
    }
}

impl ArmKey<String> for &str {
    fn into_key(self) -> String {
        self.to_owned()
    }
}

impl ArmKey<Text> for &str {
    fn into_key(self) -> Text {
        self.into()
    }
}

/// What gives the key.
enum Chooser<In, K> {
    Function(Arc<dyn Fn(&In) -> K + Send + Sync>),
    Step(Child<In, K>, fn(&In) -> In),
}

/// Chooses by what a function makes of the input.
///
/// The function should look at the input alone. In a run that is resumed, what it gave at first holds.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_flow::{Flow, by};
///
/// let flow = Flow::<i32>::new("size").branch(
///     "sign",
///     by(|n: &i32| n.signum())
///         .arm(-1, |n: i32| format!("{} below", -n))
///         .arm(1, |n: i32| format!("{n} above"))
///         .otherwise(|_: i32| "nothing".to_owned()),
/// );
/// assert_eq!(flow.run(-7).await?.output, "7 below");
/// assert_eq!(flow.run(0).await?.output, "nothing");
/// # Ok(())
/// # }
/// ```
pub fn by<In, K, Out>(key: impl Fn(&In) -> K + Send + Sync + 'static) -> Branch<In, K, Out> {
    Branch::new(Chooser::Function(Arc::new(key)))
}

/// Chooses by the input itself: a `bool`, an enum, a word.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_flow::{Flow, by_value};
///
/// let flow = Flow::new("answer")
///     .step("is_long", |text: String| text.len() > 5)
///     .branch("tell", by_value().arm(true, |_: bool| 'l').arm(false, |_: bool| 's'));
/// assert_eq!(flow.run("a jay").await?.output, 's');
/// # Ok(())
/// # }
/// ```
pub fn by_value<In: Clone + 'static, Out>() -> Branch<In, In, Out> {
    by(In::clone)
}

/// Chooses by what a step gives for the input: a router, or another routing step, such as an agent with a
/// typed output.
///
/// The step goes by its own name, `route/router`, and gets a clone of the input. If it is known what it can
/// give, as of a router or of an agent whose output is an enum, then a word without an arm is found before
/// anything runs, and so is an arm for a word that is never given.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_core::StepResult;
/// use mainstem_flow::{Flow, by_step};
///
/// async fn mood(text: String) -> StepResult<String> {
///     Ok(if text.ends_with('!') { "loud" } else { "calm" }.to_owned())
/// }
///
/// let flow = Flow::<String>::new("reply").branch(
///     "by_mood",
///     by_step(mood)
///         .arm("loud", |text: String| text.to_lowercase())
///         .arm("calm", |text: String| text),
/// );
/// assert_eq!(flow.run("HEY!").await?.output, "hey!");
/// # Ok(())
/// # }
/// ```
pub fn by_step<In, K, Out, S, M>(router: S) -> Branch<In, K, Out>
where
    In: Clone + Send + 'static,
    K: StepValue,
    S: IntoStep<In, M>,
    S::Step: Step<In, Output = K>,
{
    Branch::new(Chooser::Step(Child::of(router.into_step()), In::clone))
}

impl<In, K, Out> Branch<In, K, Out> {
    fn new(chooser: Chooser<In, K>) -> Self {
        Self {
            chooser,
            arms: Vec::new(),
            unwritable: None,
        }
    }

    /// Adds the step for inputs of that key; words can be given as a `&str`.
    #[must_use]
    pub fn arm<S, M>(mut self, key: impl ArmKey<K>, step: S) -> Self
    where
        In: Send + 'static,
        K: Serialize,
        Out: StepValue,
        S: IntoStep<In, M>,
        S::Step: Step<In, Output = Out>,
    {
        let key = key.into_key();
        let name = match arm_name(&key) {
            Ok(name) => name,
            Err(error) => {
                self.unwritable.get_or_insert(error);
                return self;
            }
        };
        let step = Child::new(name, step.into_step());
        // The arm for everything else stays the last.
        let otherwise = self.arms.pop_if(|(key, _)| key.is_none());
        self.arms.push((Some(key), step));
        self.arms.extend(otherwise);
        self
    }

    /// Sets the step for all other inputs; its name is `otherwise`.
    #[must_use]
    pub fn otherwise<S, M>(mut self, step: S) -> Self
    where
        In: Send + 'static,
        Out: StepValue,
        S: IntoStep<In, M>,
        S::Step: Step<In, Output = Out>,
    {
        self.arms.retain(|(key, _)| key.is_some());
        let step = Child::new(OTHERWISE.into(), step.into_step());
        self.arms.push((None, step));
        self
    }
}

/// `bug` of `"bug"`; other JSON as it is.
fn arm_name<K: Serialize>(key: &K) -> Result<Text> {
    let json = Json::new(key)?;
    let name = json
        .to::<String>()
        .unwrap_or_else(|_| json.as_str().to_owned());
    Ok(name.into())
}

#[diagnostic::do_not_recommend]
impl<In, K, Out> IntoStep<In, marker::Built> for Branch<In, K, Out> {
    type Step = BranchStep<In, K, Out>;

    fn into_step(self) -> Self::Step {
        BranchStep(Arc::new(self))
    }
}

/// A [`Branch`] as a step.
pub struct BranchStep<In, K, Out>(Arc<Branch<In, K, Out>>);

impl<In, K, Out> Step<In> for BranchStep<In, K, Out>
where
    In: Send + 'static,
    K: PartialEq + StepValue + Sync,
    Out: StepValue,
{
    type Output = Out;

    fn name(&self) -> &str {
        self.kind()
    }

    fn kind(&self) -> &'static str {
        "branch"
    }

    fn plan(&self) -> StepPlan {
        let arms = self.0.arms.iter().map(|(_, arm)| arm.plan());
        let plan = StepPlan::new(self.name(), self.kind());
        let plan = match &self.0.chooser {
            Chooser::Function(_) => plan.shape(PlanShape::OneOf).inside(arms),
            Chooser::Step(router, _) => plan
                .shape(PlanShape::Routed)
                .inside(std::iter::once(router.plan()).chain(arms)),
        };
        plan.gives_as_inside()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        self.0.check(path)
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Out>> {
        let branch = Arc::clone(&self.0);
        async move {
            let key = match &branch.chooser {
                Chooser::Function(key) => key(&input),
                Chooser::Step(router, clone) => router.perform(ctx.clone(), clone(&input)).await?,
            };
            let arm = match branch.decide(&ctx, &key).await? {
                Ok(arm) => arm,
                Err(gone) => ctx.cannot_resume(gone).await?,
            };
            arm.perform(ctx, input).await
        }
        .boxed()
    }
}

impl<In, K, Out> Branch<In, K, Out>
where
    In: Send + 'static,
    K: PartialEq + StepValue,
    Out: StepValue,
{
    fn check(&self, path: &StepPath) -> Result<()> {
        if let Some(error) = &self.unwritable {
            let message = "the key of an arm can't be written as JSON, which names the arm";
            return Err(misbuilt(path, message).with_source(error.clone()));
        }
        if self.arms.is_empty() {
            let message = "the branch has no arms; add them by `arm(key, step)`";
            return Err(misbuilt(path, message));
        }
        let mut names: Vec<_> = self.arms.iter().map(|(_, arm)| arm.name()).collect();
        if let Chooser::Step(router, _) = &self.chooser {
            router.check(path)?;
            names.push(router.name());
        }
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!(
                "the branch has two steps named `{}`; give each arm a key of its own, and the \
                 routing step another name by `named`",
                pair[0]
            );
            return Err(misbuilt(&path.child(pair[0]), message));
        }
        if let Some(missing) = self.missing_bool() {
            let message = format!(
                "the branch has no arm for `{missing}`; add one, or one for all others by \
                 `otherwise(step)`"
            );
            return Err(misbuilt(path, message));
        }
        self.check_words(path)?;
        self.arms.iter().try_for_each(|(_, arm)| arm.check(path))
    }

    /// Each word that the routing step gives has an arm, and each arm is for one of them.
    fn check_words(&self, path: &StepPath) -> Result<()> {
        let Chooser::Step(router, _) = &self.chooser else {
            return Ok(());
        };
        let words = &router.plan.gives;
        if words.is_empty() {
            return Ok(());
        }
        let keyed: Vec<_> = self.arms.iter().filter(|(key, _)| key.is_some()).collect();
        let has_rest = keyed.len() < self.arms.len();
        let has_arm = |word: &&Text| keyed.iter().any(|(_, arm)| arm.name() == *word);
        if let Some(word) = words.iter().find(|word| !has_rest && !has_arm(word)) {
            let message = format!(
                "the branch has no arm for `{word}`, which `{}` can give; add one, or one for all others \
                 by `otherwise(step)`",
                router.name()
            );
            return Err(misbuilt(path, message));
        }
        match keyed.iter().find(|(_, arm)| !words.contains(arm.name())) {
            None => Ok(()),
            Some((_, arm)) => Err(misbuilt(
                &path.child(arm.name()),
                format!(
                    "`{}` never gives what this arm is for; it gives one of `{}`",
                    router.name(),
                    words.join("`, `")
                ),
            )),
        }
    }

    /// Of a branch by a `bool` what it has no arm for: there are no other values.
    fn missing_bool(&self) -> Option<&'static str> {
        let is_bool = TypeId::of::<K>() == TypeId::of::<bool>();
        let has_rest = self.arms.iter().any(|(key, _)| key.is_none());
        if !is_bool || has_rest {
            return None;
        }
        ["true", "false"]
            .into_iter()
            .find(|value| self.arms.iter().all(|(_, arm)| *arm.name() != **value))
    }

    /// The arm for a key, by the record if there is one; the inner error, if that one is gone.
    async fn decide(&self, ctx: &RunContext, key: &K) -> Result<Result<&Child<In, Out>>> {
        let what = match &self.chooser {
            Chooser::Function(_) => DecisionKind::Branch,
            Chooser::Step(..) => DecisionKind::Route,
        };
        let name = self.arm_of(key).and_then(|arm| Json::new(arm.name()));
        let entry = JournalKey::new(ctx.path().clone(), "arm");
        let unit = std::future::ready(name).boxed();
        let taken: Text = ctx.journal().run(entry, what, unit).await?.to()?;
        let arm = self.arms.iter().find(|(_, arm)| *arm.name() == taken);
        Ok(arm.map(|(_, arm)| arm).ok_or_else(|| {
            let message = format!(
                "the run had taken the arm `{taken}`, which isn't there any more; put it back"
            );
            Error::new(ErrorKind::Conflict, message)
        }))
    }

    fn arm_of(&self, key: &K) -> Result<&Child<In, Out>> {
        let fits = |arm: &Option<K>| arm.as_ref().is_none_or(|arm| arm == key);
        if let Some((_, arm)) = self.arms.iter().find(|(arm, _)| fits(arm)) {
            return Ok(arm);
        }
        let names: Vec<_> = self.arms.iter().map(|(_, arm)| &**arm.name()).collect();
        let message = format!(
            "the input chooses none of the arms `{}`; add one for it, or one for all others by \
             `otherwise(step)`",
            names.join("`, `")
        );
        Err(Error::new(ErrorKind::Value, message))
    }
}

impl<In, K, Out> fmt::Debug for Branch<In, K, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arms = self.arms.iter().map(|(_, arm)| &arm.plan.name);
        f.debug_list().entries(arms).finish()
    }
}

impl<In, K, Out> fmt::Debug for BranchStep<In, K, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
