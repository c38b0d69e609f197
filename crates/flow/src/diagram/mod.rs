//! Pictures of flows, with or without the state of a run.

mod escape;
mod label;
mod layout;
mod mermaid;
mod progress;
mod state;
mod tally;
mod text;

use std::{fmt, sync::Arc};

use mainstem_core::{Event, Result, RunId, Step, StepPlan, Store};

use crate::{Flow, StepValue};
use label::Labels;
use layout::Layout;
pub use state::DiagramState;

/// How many events of a log are read at once.
const PAGE: usize = 1000;

/// A picture of a flow, or of any other step: as text, or as Mermaid.
///
/// It is drawn from the [`StepPlan`], so nothing has to run. With the [state](Self::state) of a run
/// [on it](Self::with_state), it shows what is done, under way, failed or left out, and how long it
/// took.
///
/// ```
/// use mainstem_flow::Flow;
///
/// let flow = Flow::new("measure")
///     .step("trim", |text: String| text.trim().to_owned())
///     .parallel("both", (|text: String| text.len(), |text: String| text.is_empty()));
/// assert_eq!(
///     flow.diagram().to_text(),
///     "\
/// measure (flow)
/// ├─ trim (function)
/// └─ both (parallel, at the same time)
///    ├─ function
///    └─ function
/// "
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Diagram {
    layout: Arc<Layout>,
    state: Option<DiagramState>,
}

impl<I: StepValue, O: StepValue> Flow<I, O> {
    /// A picture of the flow: as text, as Mermaid, with the state of a run.
    pub fn diagram(&self) -> Diagram {
        Diagram::new(&self.plan())
    }
}

impl Diagram {
    /// A picture of any step, by its [plan](mainstem_core::Step::plan).
    pub fn new(plan: &StepPlan) -> Self {
        Self {
            layout: Arc::new(Layout::new(plan)),
            state: None,
        }
    }

    /// The state of a run that hasn't begun: it [follows](DiagramState::follow) the run's events.
    pub fn state(&self) -> DiagramState {
        DiagramState::new(Arc::clone(&self.layout))
    }

    /// The state of a run as it is in a store: it has followed the run's log.
    ///
    /// A run that is resumed goes on in it: the stream begins where the log ends.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// use mainstem_core::{MemoryStore, Outcome, Question};
    /// use mainstem_flow::Flow;
    ///
    /// let flow = Flow::new("pay")
    ///     .step("price", |order: String| order.len())
    ///     .ask::<bool>("approve", |price: &usize| Question::new(format!("Pay {price} €?")));
    /// let store = MemoryStore::new();
    /// let Outcome::Suspended(asked) = flow.run("seven").store(store.clone()).outcome().await? else {
    ///     panic!("it asks");
    /// };
    ///
    /// let diagram = flow.diagram();
    /// let mut state = diagram.state_of(&store, &asked.run).await?;
    /// assert_eq!(state.progress(), Some(0.5));
    /// let mut run = flow.resume(asked.answer("approve", &true)?).store(store).stream();
    /// while let Some(event) = run.next_event().await {
    ///     state.follow(&event);
    /// }
    /// assert_eq!(state.progress(), Some(1.0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The store's own; of kind [`ErrorKind::NotFound`](mainstem_core::ErrorKind::NotFound), if it hasn't
    /// got the run.
    pub async fn state_of(&self, store: &impl Store, run: &RunId) -> Result<DiagramState> {
        let mut state = self.state();
        let mut after = None;
        loop {
            let page = store.read(run, after, PAGE).await?;
            page.iter().for_each(|event| state.follow(event));
            if page.len() < PAGE {
                return Ok(state);
            }
            after = page.last().map(Event::place);
        }
    }

    /// The picture with the state of a run on it.
    ///
    /// The state must be one of this diagram, or of one of the same plan; another one isn't shown.
    #[must_use]
    pub fn with_state(&self, state: &DiagramState) -> Self {
        Self {
            layout: Arc::clone(&self.layout),
            state: state.is_of(&self.layout).then(|| state.clone()),
        }
    }

    /// The picture as [Mermaid](https://mermaid.js.org): a flowchart.
    ///
    /// Steps with others inside are frames; arms have their names on the edges, a loop has an edge
    /// back. It reads from top to bottom, in a light theme and in a dark one. Names and details are shown as they are, whatever they contain: nothing in them is taken
    /// for markup. The same plan always gives the same text. Mermaid itself draws no more than 500
    /// edges, unless it is configured to.
    ///
    /// ```
    /// use mainstem_core::StepPlan;
    /// use mainstem_flow::Diagram;
    ///
    /// let plan = StepPlan::new("say \"hi\"", "agent");
    /// let chart = Diagram::new(&plan).to_mermaid();
    /// assert!(chart.starts_with("flowchart TD\n    s0([\"say #34;hi#34;<br/>agent\"])\n"));
    /// ```
    pub fn to_mermaid(&self) -> String {
        mermaid::draw(&self.layout, &self.labels())
    }

    /// The picture as a tree of lines; so is its `Display`.
    ///
    /// With the state of a run each line begins with a sign: `·` waits, `▸` is under way, `✓` done,
    /// `✗` failed, `–` left out, `↺` taken back, `■` stopped, `?` waits for an answer, `…` isn't known.
    pub fn to_text(&self) -> String {
        text::draw(&self.layout, &self.labels())
    }

    fn labels(&self) -> Labels<'_> {
        Labels {
            layout: &self.layout,
            state: self.state.as_ref(),
        }
    }
}

impl fmt::Display for Diagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
