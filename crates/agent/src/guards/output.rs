use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use mainstem_core::{
    Result, RunContext, StepScope, Text,
    function::{Function, StepOutput},
};

use super::{OutputRewriter, Verdict, refusal::What};

/// Looks at what an agent answers; see [`guard_output`](crate::AgentBuilder::guard_output).
#[derive(Clone)]
pub struct OutputGuard {
    pub(super) name: Text,
    pub(super) looks: Looks,
    hold_back: usize,
}

#[derive(Clone)]
pub(super) enum Looks {
    AtTheWhole(Arc<Check>),
    WhileItStreams(Arc<Begin>),
    Rewrites(BeginRewriting),
}

pub(super) type Check =
    dyn Fn(RunContext, Text) -> BoxFuture<'static, Result<Verdict>> + Send + Sync;
pub(super) type Begin = dyn Fn() -> Box<dyn OutputWatch> + Send + Sync;
pub(super) type BeginRewriting = Arc<dyn Fn() -> Box<dyn OutputRewriter> + Send + Sync>;

/// Looks at one answer while it streams, piece by piece.
///
/// A `FnMut(&str) -> Verdict` is one. It is called in the poll of the run, so it shouldn't take long; what it
/// has to know of the pieces before, it keeps.
pub trait OutputWatch: Send {
    /// The next piece. Once it refuses, it isn't called again.
    fn check(&mut self, piece: &str) -> Verdict;

    /// How many of the last bytes aren't to be shown yet, because what comes next may be a reason to
    /// refuse them; none by default. It is asked after each piece. At the end of the answer they are shown.
    fn holds(&self) -> usize {
        0
    }

    /// All has come; by default nothing speaks against it. What was held back is shown after it.
    fn finish(&mut self) -> Verdict {
        Verdict::Allow
    }
}

impl<F: FnMut(&str) -> Verdict + Send> OutputWatch for F {
    fn check(&mut self, piece: &str) -> Verdict {
        self(piece)
    }
}

impl OutputGuard {
    /// A function that says whether a whole answer passes, with the guard's name.
    ///
    /// Nothing of the answer is shown before it has: then it comes in pieces of at most 4 KiB. The function
    /// takes the answer as a [`Text`], with a [`RunContext`] before it if it wants one, and gives a
    /// [`Verdict`]. It is a step of the run, `agent/output:NAME`, as an [`InputGuard`](crate::InputGuard) is.
    /// An output that isn't what was asked for is refused before any guard sees it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["You ", "fool!"]);
    /// use mainstem_agent::{Agent, OutputGuard, Verdict};
    /// use mainstem_core::Text;
    ///
    /// let polite = OutputGuard::whole("polite", async |answer: Text| {
    ///     Ok(Verdict::refuse_if(answer.contains("fool"), "it isn't polite"))
    /// });
    /// let agent = Agent::builder(model).guard_output(polite).build()?;
    /// let error = agent.run_streamed("Hello").next_text().await.unwrap_err();
    /// assert_eq!(error.message(), "guard `polite` refused the output");
    /// assert_eq!(error.partial().unwrap().text, "");
    /// # Ok(())
    /// # }
    /// ```
    pub fn whole<F, Kind, Args>(name: impl Into<Text>, function: F) -> Self
    where
        F: Function<Text, Args> + Send + Sync + 'static,
        F::Gives: StepOutput<Kind, Output = Verdict>,
    {
        let check = move |ctx, answer| function.call(ctx, answer).settle();
        Self {
            name: name.into(),
            looks: Looks::AtTheWhole(Arc::new(check)),
            hold_back: 0,
        }
    }

    /// Something that looks at each piece of an answer before it is shown, with the guard's name.
    ///
    /// The function makes one for each answer, and once more if a model begins its answer anew.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["one ", "two ", "three"]);
    /// use mainstem_agent::{Agent, OutputGuard, Verdict};
    ///
    /// let brief = OutputGuard::streaming("brief", || {
    ///     let mut words = 0;
    ///     move |piece: &str| {
    ///         words += piece.split_whitespace().count();
    ///         Verdict::refuse_if(words > 2, "more than two words")
    ///     }
    /// });
    /// let agent = Agent::builder(model).guard_output(brief).build()?;
    /// let error = agent.run("Count.").await.unwrap_err();
    /// assert_eq!(error.partial().unwrap().text, "one two ");
    /// # Ok(())
    /// # }
    /// ```
    pub fn streaming<W>(
        name: impl Into<Text>,
        watch: impl Fn() -> W + Send + Sync + 'static,
    ) -> Self
    where
        W: OutputWatch + 'static,
    {
        Self {
            name: name.into(),
            looks: Looks::WhileItStreams(Arc::new(move || Box::new(watch()))),
            hold_back: 0,
        }
    }

    /// Something that gives another text than the model's, with the guard's name: for what is to be left out,
    /// or masked.
    ///
    /// The function makes one for each answer, and once more if a model begins its answer anew. What it gives is
    /// the answer, and there is no other: it is what readers are shown, what the agent gives, what the
    /// conversation remembers, what is kept of an answer that fails, and what the other guards see, which
    /// come after all that rewrite. Of those, each takes what the one before it gave.
    ///
    /// It is for agents whose output is text: what is rewritten in JSON may not be that any more.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["PIN: 1", "23", "4."]);
    /// use mainstem_agent::{Agent, OutputGuard};
    /// use mainstem_core::Context;
    ///
    /// let no_digits = OutputGuard::rewriting("no_digits", || {
    ///     |piece: &str| piece.replace(|c: char| c.is_ascii_digit(), "*")
    /// });
    /// let agent = Agent::builder(model).guard_output(no_digits).build()?;
    /// let context = Context::new();
    /// let mut run = agent.run("What is my PIN?").context(&context).stream();
    /// assert_eq!(run.next_text().await?.unwrap(), "PIN: *");
    /// assert_eq!(run.await?.output, "PIN: ****.");
    /// assert_eq!(context.messages().last().unwrap().text(), "PIN: ****.");
    /// # Ok(())
    /// # }
    /// ```
    pub fn rewriting<R>(
        name: impl Into<Text>,
        rewriter: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: OutputRewriter + 'static,
    {
        Self {
            name: name.into(),
            looks: Looks::Rewrites(Arc::new(move || Box::new(rewriter()))),
            hold_back: 0,
        }
    }

    /// Shows the last so many bytes of what has come only with what comes after them, or at the end; none
    /// by default.
    ///
    /// So a guard that looks at the stream can see a whole word before its beginning is shown. Characters
    /// stay whole. A guard that looks at the whole answer holds all of it anyway; one that rewrites keeps what it
    /// needs itself.
    #[must_use]
    pub fn hold_back(mut self, bytes: usize) -> Self {
        self.hold_back = bytes;
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn rewrites(&self) -> bool {
        matches!(self.looks, Looks::Rewrites(_))
    }
}

/// What guards see of an answer while it arrives, and how much of it may be shown.
pub(crate) struct Watch {
    guards: Vec<OutputGuard>,
    watching: Vec<Watching>,
    /// Whether nothing is shown before the end.
    holds_all: bool,
    /// What has come and isn't shown yet.
    held: String,
    /// How many bytes were shown.
    pub(crate) shown: usize,
    /// What it went on from is refused.
    refused: Option<mainstem_core::Error>,
}

struct Watching {
    name: Text,
    /// It needn't be `Sync`: the lock is never taken.
    watch: Mutex<Box<dyn OutputWatch>>,
    hold_back: usize,
    /// How many of the last bytes aren't to be shown yet.
    holds: usize,
}

/// What may be shown.
pub(crate) enum Piece {
    Nothing,
    /// The piece itself.
    Same,
    Other(Text),
}

impl Watch {
    pub(crate) fn begin(guards: &[OutputGuard]) -> Option<Box<Self>> {
        let looks = |guard: &&OutputGuard| !guard.rewrites();
        let guards: Vec<_> = guards.iter().filter(looks).cloned().collect();
        if guards.is_empty() {
            return None;
        }
        let is_of_whole = |guard: &OutputGuard| matches!(guard.looks, Looks::AtTheWhole(_));
        let mut watch = Self {
            holds_all: guards.iter().any(is_of_whole),
            guards,
            watching: Vec::new(),
            held: String::new(),
            shown: 0,
            refused: None,
        };
        watch.begin_after("");
        Some(Box::new(watch))
    }

    /// Begins, or begins anew, with what was shown before.
    pub(crate) fn begin_after(&mut self, shown: &str) {
        self.watching.clear();
        self.held.clear();
        self.shown = shown.len();
        for guard in &self.guards {
            let Looks::WhileItStreams(begin) = &guard.looks else {
                continue;
            };
            match catch_unwind(AssertUnwindSafe(|| begin())) {
                Ok(watch) => self.watching.push(Watching {
                    name: guard.name.clone(),
                    watch: Mutex::new(watch),
                    hold_back: guard.hold_back,
                    holds: guard.hold_back,
                }),
                Err(_panic) => self.refused = Some(What::Output.panicked(&guard.name)),
            }
        }
        if !shown.is_empty()
            && let Err(refused) = self.check(shown)
        {
            self.refused = Some(refused);
        }
    }

    /// Fails, if nothing may follow what was there before.
    pub(crate) fn open(&mut self) -> Result<()> {
        self.refused.take().map_or(Ok(()), Err)
    }

    /// A piece has come; what may be shown now.
    pub(crate) fn take(&mut self, piece: &str, is_held: bool) -> Result<Piece> {
        self.check(piece)?;
        if is_held || self.holds_all {
            // Where it stands, it is found at the end.
            return Ok(Piece::Nothing);
        }
        let holds = self.watching.iter().map(|watching| watching.holds);
        let holds = holds.max().unwrap_or(0);
        if holds == 0 && self.held.is_empty() {
            return Ok(Piece::Same);
        }
        self.held.push_str(piece);
        let mut end = self.held.len().saturating_sub(holds);
        while !self.held.is_char_boundary(end) {
            end -= 1;
        }
        let after = self.held.split_off(end);
        let ready = std::mem::replace(&mut self.held, after);
        Ok(match ready.is_empty() {
            true => Piece::Nothing,
            false => Piece::Other(ready.into()),
        })
    }

    fn check(&mut self, piece: &str) -> Result<()> {
        self.ask_each(|watching| watching.check(piece))
    }

    /// All has come; fails, if that is refused.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.ask_each(|watching| watching.watch().finish())
    }

    fn ask_each(&mut self, ask: impl Fn(&mut Watching) -> Verdict) -> Result<()> {
        for watching in &mut self.watching {
            let checked = catch_unwind(AssertUnwindSafe(|| ask(watching)));
            let name = &watching.name;
            match checked {
                Ok(Verdict::Allow) => {}
                Ok(Verdict::Refuse(reason)) => return Err(What::Output.refused(name, &reason)),
                Err(_panic) => return Err(What::Output.panicked(name)),
            }
        }
        Ok(())
    }

    /// Those who look at the whole.
    pub(crate) fn guards(&self) -> Vec<OutputGuard> {
        let is_of_whole = |guard: &&OutputGuard| matches!(guard.looks, Looks::AtTheWhole(_));
        self.guards.iter().filter(is_of_whole).cloned().collect()
    }
}

impl Watching {
    fn check(&mut self, piece: &str) -> Verdict {
        let verdict = self.watch().check(piece);
        self.holds = self.hold_back.max(self.watch().holds());
        verdict
    }

    fn watch(&mut self) -> &mut dyn OutputWatch {
        let watch = self.watch.get_mut();
        &mut **watch.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails, if one of those who look at the whole answer refuses it.
pub(crate) async fn pass_whole(
    guards: Vec<OutputGuard>,
    ctx: &RunContext,
    answer: Text,
) -> Result<()> {
    let ctx = ctx.quiet();
    for guard in guards {
        let Looks::AtTheWhole(check) = guard.looks else {
            continue;
        };
        let scope = StepScope::new(What::Output.step(&guard.name), "guard");
        let answer = answer.clone();
        // Within, so that its panic is its own.
        let body = move |ctx| async move { check(ctx, answer).await };
        let checked: Result<Verdict> = ctx.perform(scope, body).await;
        match checked.map_err(|error| What::Output.failed(&guard.name, error))? {
            Verdict::Allow => {}
            Verdict::Refuse(reason) => return Err(What::Output.refused(&guard.name, &reason)),
        }
    }
    Ok(())
}

impl fmt::Debug for OutputGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputGuard")
            .field("name", &self.name)
            .field("hold_back", &self.hold_back)
            .finish_non_exhaustive()
    }
}
