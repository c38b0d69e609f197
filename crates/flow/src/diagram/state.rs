//! The state of a run, as a picture shows it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use mainstem_core::{Decided, DecisionKind, Event, EventKind, Place, StepPath, Timestamp};

use super::{
    label::duration,
    layout::{Layout, Spot},
    progress::settle,
    tally::{Ending, Opened, Tally},
};

/// The state of a run, folded from its events, for a [`Diagram`](crate::Diagram).
///
/// It doesn't matter whether the events come from a running stream or from the log in a
/// [`Store`](mainstem_core::Store); a run that is resumed goes on in the same state, or in that of its
/// log ([`state_of`](crate::Diagram::state_of)). A state that is given a resumed run's stream alone
/// shows of what came before that it isn't known. All rounds of a
/// loop, items of a map and attempts of a step count as that one step. So it takes as much memory as
/// the plan has steps, and as are under way at once, however long the run is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use mainstem_core::{MemoryStore, RunId, Store};
/// use mainstem_flow::Flow;
///
/// let flow = Flow::new("shout")
///     .step("trim", |text: String| text.trim().to_owned())
///     .step("upper", |text: String| text.to_uppercase());
/// let (store, id) = (MemoryStore::new(), RunId::new());
/// flow.run(" jay ").store(store.clone()).id(id.clone()).await?;
///
/// let diagram = flow.diagram();
/// let mut state = diagram.state();
/// for event in store.read(&id, None, usize::MAX).await? {
///     state.follow(&event);
/// }
/// assert_eq!(state.progress(), Some(1.0));
/// let picture = diagram.with_state(&state).to_text();
/// assert!(picture.starts_with("✓ shout (flow)"), "{picture}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DiagramState {
    layout: Arc<Layout>,
    tallies: Vec<Tally>,
    open: HashMap<StepPath, (Spot, Opened)>,
    phase: Phase,
    /// When the last event was emitted.
    now: Timestamp,
    /// Whether it follows the run since its beginning; none, before the first event.
    is_whole: Option<bool>,
    /// Where the run went on last, and when the last event before that was emitted.
    resumed: Option<(Place, Timestamp)>,
    /// The most that was ever done.
    progress: f64,
}

/// What the run does with its open steps.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Running,
    Suspended,
    Stopped,
}

/// How a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// What came before isn't known.
    Unknown,
    Waiting,
    Running,
    Suspended,
    Done,
    Failed,
    LeftOut,
    Retracted,
    Stopped,
}

impl Status {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Unknown => '…',
            Self::Waiting => '·',
            Self::Running => '▸',
            Self::Suspended => '?',
            Self::Done => '✓',
            Self::Failed => '✗',
            Self::LeftOut => '–',
            Self::Retracted => '↺',
            Self::Stopped => '■',
        }
    }
}

impl DiagramState {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self {
            tallies: layout.spots().map(|_| Tally::default()).collect(),
            layout,
            open: HashMap::new(),
            phase: Phase::Running,
            now: Timestamp::default(),
            is_whole: None,
            resumed: None,
            progress: 0.0,
        }
    }

    pub(super) fn is_of(&self, layout: &Arc<Layout>) -> bool {
        Arc::ptr_eq(&self.layout, layout) || self.layout == *layout
    }

    /// Takes in the next event of the run.
    ///
    /// Events of steps that the plan doesn't have, such as those that a function runs, change nothing.
    pub fn follow(&mut self, event: &Event) {
        let goes_on = matches!(event.kind, EventKind::RunResumed(_));
        self.is_whole.get_or_insert(!goes_on);
        if goes_on {
            self.resumed = Some((event.place(), self.now));
        }
        self.now = self.now.max(event.at);
        match &event.kind {
            EventKind::RunStarted(_) | EventKind::RunResumed(_) => self.phase = Phase::Running,
            EventKind::StepStarted(_) => self.begin(event),
            EventKind::StepFinished(_) => self.end(event, Ending::Finished),
            EventKind::StepFailed(_) => self.end(event, Ending::Failed),
            EventKind::StepSkipped(_) => self.end(event, Ending::Skipped),
            EventKind::Decided(decided) => self.decided(&event.path, decided),
            EventKind::Retracted(retracted) => self.retract(&event.path, retracted.since),
            EventKind::RunSuspended(_) => self.phase = Phase::Suspended,
            kind if kind.is_end() => self.phase = Phase::Stopped,
            _ => {}
        }
        self.progress = self.progress.max(self.tallies[0].done);
    }

    /// How much of the run is done, from 0 to 1; none, if its first step hasn't begun, or if what came
    /// before isn't known.
    ///
    /// It never falls. The steps inside of one count by their weights, which are those of their
    /// [`StepStarted`](mainstem_core::StepStarted) events:
    ///
    /// - A step that has finished or was left out counts whole, whatever was done inside; one that
    ///   failed as much as was done inside.
    /// - One with steps inside that is under way counts as much as they do; of arms, alternatives and
    ///   rivals counts the one that has come furthest.
    /// - Of a map counts each item that is over. Of a loop, whose rounds nobody knows before, half
    ///   counts after the first round, two thirds after the second, and so on.
    /// - What was taken back counts again only once the run has come further.
    pub fn progress(&self) -> Option<f64> {
        let root = &self.tallies[0];
        let is_known = match self.is_whole {
            Some(false) => root.last == Some(Ending::Finished),
            _ => root.open > 0 || root.last.is_some(),
        };
        is_known.then_some(self.progress)
    }

    fn begin(&mut self, event: &Event) {
        let Some(spot) = self.layout.find(&event.path) else {
            return;
        };
        let attempt = event.path.last().map_or(1, |last| last.attempt());
        if attempt > 1 {
            self.give_up(spot, &event.path.attempt(attempt - 1));
        }
        let opened = Opened {
            place: event.place(),
            at: event.at,
        };
        let before = self.open.insert(event.path.clone(), (spot, opened));
        let tally = &mut self.tallies[spot];
        if attempt > 1 && tally.open == 0 {
            tally.items = None; // the next attempt has a list of its own
        }
        tally.open += u64::from(before.is_none());
        tally.attempt = attempt;
        settle(&self.layout, &mut self.tallies, spot);
    }

    /// The attempt before this one counts no more.
    fn give_up(&mut self, spot: Spot, path: &StepPath) {
        let was_open = self.open.remove(path).is_some();
        let tally = &mut self.tallies[spot];
        tally.open -= u64::from(was_open);
        tally.take_back(u64::from(was_open));
        tally.give_up(path);
    }

    fn end(&mut self, event: &Event, how: Ending) {
        let Some(spot) = self.layout.find(&event.path) else {
            return;
        };
        let opened = self.open.remove(&event.path).map(|(_, opened)| opened);
        self.stop_inside(spot, &event.path);
        let tally = &mut self.tallies[spot];
        match opened {
            Some(opened) => {
                tally.open -= 1;
                tally.took += since(opened.at, event.at);
            }
            // It began before what is known.
            None if how != Ending::Skipped => tally.is_untimed = true,
            None => {}
        }
        let place = opened.map_or(event.place(), |opened| opened.place);
        tally.end(&event.path, place, how);
        settle(&self.layout, &mut self.tallies, spot);
    }

    /// What is still open within a step that ended was stopped: the rivals of a race that is won, the
    /// branches beside one that failed.
    fn stop_inside(&mut self, spot: Spot, path: &StepPath) {
        if self.layout.at(spot).inside.is_empty() {
            return;
        }
        let (tallies, now) = (&mut self.tallies, self.now);
        self.open.retain(|inner, (spot, opened)| {
            let is_inside = inner.is_within(path);
            if is_inside {
                let tally = &mut tallies[*spot];
                tally.open -= 1;
                tally.took += since(opened.at, now);
                tally.end(inner, opened.place, Ending::Stopped);
            }
            !is_inside
        });
    }

    fn decided(&mut self, path: &StepPath, decided: &Decided) {
        if decided.what != DecisionKind::MapList {
            return;
        }
        let Some(spot) = self.layout.find(path) else {
            return;
        };
        if let Some(items) = items(decided) {
            *self.tallies[spot].items.get_or_insert(0) += items;
            settle(&self.layout, &mut self.tallies, spot);
        }
    }

    fn retract(&mut self, path: &StepPath, since: Place) {
        // What the run itself takes back is all of it.
        let top = self.layout.find(path).or(path.is_run().then_some(0));
        let Some(top) = top else {
            return;
        };
        let (tallies, now, resumed) = (&mut self.tallies, self.now, self.resumed);
        self.open.retain(|inner, (spot, opened)| {
            let is_void = opened.place >= since && inner.is_within(path);
            if is_void {
                // One that went down with its process was under way until then.
                let cut = resumed.filter(|(place, _)| opened.place < *place);
                let until = cut.map_or(now, |(_, before)| before);
                tallies[*spot].took += self::since(opened.at, until);
                tallies[*spot].open -= 1;
                tallies[*spot].take_back(1);
            }
            !is_void
        });
        // The innermost first: each tells those around it.
        for spot in self.layout.whole(top).rev() {
            self.tallies[spot].retract(path, since);
            settle(&self.layout, &mut self.tallies, spot);
        }
    }

    pub(super) fn status(&self, spot: Spot) -> Status {
        let tally = &self.tallies[spot];
        match (tally.last, self.phase) {
            (_, Phase::Running) if tally.open > 0 => Status::Running,
            (_, Phase::Suspended) if tally.open > 0 => Status::Suspended,
            (_, Phase::Stopped) if tally.open > 0 => Status::Stopped,
            (Some(Ending::Finished), _) => Status::Done,
            (Some(Ending::Failed), _) => Status::Failed,
            (Some(Ending::Skipped), _) => Status::LeftOut,
            (Some(Ending::Stopped), _) => Status::Stopped,
            (None, _) if !self.is_known(spot) => Status::Unknown,
            // Other rounds of it stand.
            (Some(Ending::Retracted), _) if tally.finished > 0 => Status::Done,
            (Some(Ending::Retracted) | None, _) if self.is_over_around(spot) => Status::LeftOut,
            (Some(Ending::Retracted), _) => Status::Retracted,
            (None, _) => Status::Waiting,
        }
    }

    /// Whether a step of which nothing was heard hasn't begun: not, if it may have done so before the
    /// run was resumed, which isn't known.
    fn is_known(&self, spot: Spot) -> bool {
        if self.is_whole != Some(false) {
            return true;
        }
        let mut around = std::iter::successors(Some(spot), |spot| self.layout.at(*spot).outer);
        around.any(|spot| {
            let tally = &self.tallies[spot];
            tally.open > 0 || (tally.last.is_some() && !tally.is_untimed)
        })
    }

    /// Whether a step that isn't done won't begin any more.
    fn is_over_around(&self, spot: Spot) -> bool {
        let mut outer = self.layout.at(spot).outer;
        while let Some(spot) = outer {
            let tally = &self.tallies[spot];
            if tally.open > 0 {
                return matches!(self.phase, Phase::Stopped);
            }
            if let Some(last) = tally.last {
                return last != Ending::Retracted;
            }
            outer = self.layout.at(spot).outer;
        }
        false
    }

    /// What there is to tell of a step besides its status.
    pub(super) fn facts(&self, spot: Spot) -> Vec<String> {
        let (tally, mut facts) = (&self.tallies[spot], Vec::new());
        if let Some(items) = tally.items {
            let over = self.layout.at(spot).inside.last();
            let over = over.map_or(0, |&last| self.tallies[last].over());
            facts.push(format!("{over} of {items}"));
        }
        let runs = tally.over() + tally.open;
        if runs > 1 {
            let open = match self.phase {
                Phase::Stopped => "stopped",
                _ => "under way",
            };
            let counts = [
                (tally.finished, "× done"),
                (tally.open, open),
                (tally.failed, "failed"),
                (tally.skipped, "left out"),
            ];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            facts.extend(counts.map(|(count, what)| format!("{count} {what}")));
        }
        if tally.attempt > 1 {
            facts.push(format!("attempt {}", tally.attempt));
        }
        if tally.retracted > 0 {
            facts.push(format!("{} × taken back", tally.retracted));
        }
        let has_run = tally.open > 0 || !matches!(tally.last, None | Some(Ending::Skipped));
        if has_run && !tally.is_untimed {
            facts.push(duration(tally.took + self.so_far(spot)));
        }
        facts
    }

    /// How long those of a step that are under way have been, together.
    fn so_far(&self, spot: Spot) -> Duration {
        let open = self.open.values().filter(|(at, _)| *at == spot);
        open.map(|(_, opened)| since(opened.at, self.now)).sum()
    }
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(now.as_unix_millis().saturating_sub(then.as_unix_millis()))
}

/// How long the list of a map is.
fn items(decided: &Decided) -> Option<u64> {
    let list = decided.value.to::<Vec<serde::de::IgnoredAny>>();
    match list {
        Ok(list) => Some(list.len() as u64),
        Err(_) => decided.value.to().ok(),
    }
}
