//! Bars on a terminal.

use std::{collections::BTreeMap, fmt};

use futures::StreamExt;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mainstem_core::Timestamp;

use crate::{
    ProgressId, ProgressNode, ProgressSnapshot, ProgressState, ProgressSubscription, ProgressUpdate,
};

/// How many bars there are at once, besides that of the whole.
const ROWS: usize = 12;

/// How many characters wide the names are.
const NAMES: usize = 28;

/// How finely bars are drawn.
const LENGTH: u64 = 1000;

/// The progress of a tree as bars: one for the whole, and one for each node that is under way.
///
/// When a node ends, its bar goes; that of the whole stays, and says how it ended. At most 12 nodes
/// have a bar at once. What nobody knows how far it is has a spinner. If there is no terminal to draw on,
/// nothing is drawn; [`is_hidden`](Self::is_hidden) says so.
///
/// ```
/// use mainstem_progress::{ProgressBars, ProgressTree};
///
/// # futures::executor::block_on(async {
/// let tree = ProgressTree::new("import");
/// let bars = ProgressBars::new().follow(tree.subscribe());
/// let work = async {
///     let load = tree.root().child("load").total(2).guard()?;
///     load.increment(2)?;
///     load.complete()?;
///     tree.root().complete()
/// };
/// futures::future::join(bars, work).await.1?;
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
pub struct ProgressBars {
    screen: MultiProgress,
    /// By the numbers of the nodes from the root to theirs: the order in which they are drawn.
    rows: BTreeMap<Vec<ProgressId>, ProgressBar>,
    /// The tree, as far as the updates go.
    seen: Option<ProgressSnapshot>,
}

impl ProgressBars {
    /// Bars on standard error.
    pub fn new() -> Self {
        Self::on(MultiProgress::new())
    }

    /// Bars on a screen that others may draw on, too.
    pub fn on(screen: MultiProgress) -> Self {
        Self {
            screen,
            rows: BTreeMap::new(),
            seen: None,
        }
    }

    /// Whether nothing is drawn, because there is no terminal.
    pub fn is_hidden(&self) -> bool {
        self.screen.is_hidden()
    }

    /// Draws until the subscription ends.
    pub async fn follow(mut self, mut updates: ProgressSubscription) {
        while let Some(update) = updates.next().await {
            self.show(&update);
        }
    }

    /// Draws what an update of a subscription says. It takes them all, from the first.
    pub fn show(&mut self, update: &ProgressUpdate) {
        match update {
            ProgressUpdate::Snapshot(snapshot) => {
                let before = self.seen.replace(snapshot.clone());
                let before = before.map_or(Vec::new(), |before| before.nodes);
                let gone = before.iter().map(|node| node.id);
                let gone = gone.filter(|&id| snapshot.get(id).is_none());
                self.change(gone, &snapshot.nodes);
            }
            ProgressUpdate::Delta(delta) => {
                if let Some(seen) = &mut self.seen {
                    seen.apply(delta);
                }
                self.change(delta.removed.iter().copied(), &delta.nodes);
            }
            // A snapshot follows.
            ProgressUpdate::Lagged { .. } => {}
        }
    }

    fn change(&mut self, gone: impl Iterator<Item = ProgressId>, changed: &[ProgressNode]) {
        let is_open = |node: &&ProgressNode| {
            matches!(node.state, ProgressState::Running | ProgressState::Paused)
        };
        let is_inside = |node: &&ProgressNode| node.parent.is_some();
        let (open, closed): (Vec<_>, Vec<_>) = changed.iter().filter(is_inside).partition(is_open);
        gone.for_each(|id| self.remove(id));
        closed.iter().for_each(|node| self.remove(node.id));
        open.iter().for_each(|node| self.draw(node));
        // It comes last: what was removed leaves the screen when another one is drawn.
        if let Some(root) = self.seen.as_ref().map(|seen| seen.root().clone()) {
            self.draw(&root);
        }
    }

    fn draw(&mut self, node: &ProgressNode) {
        let place = self.place(node);
        if !self.rows.contains_key(&place) {
            let inside = self.rows.keys().filter(|place| place.len() > 1);
            if place.len() > 1 && inside.count() >= ROWS {
                return;
            }
            let row = self.rows.range(..place.clone()).count();
            let bar = ProgressBar::new(LENGTH);
            self.rows
                .insert(place.clone(), self.screen.insert(row, bar));
        }
        let now = self.seen.as_ref().map(|seen| seen.at);
        if let Some(bar) = self.rows.get(&place) {
            draw(bar, node, place.len() - 1, now.unwrap_or_default());
        }
    }

    /// The nodes from the root to one.
    fn place(&self, node: &ProgressNode) -> Vec<ProgressId> {
        let seen = self.seen.as_ref();
        let around = |id: &ProgressId| seen.and_then(|seen| seen.get(*id)?.parent);
        let mut place: Vec<_> = std::iter::successors(Some(node.id), around).collect();
        place.reverse();
        place
    }

    fn remove(&mut self, id: ProgressId) {
        self.rows.retain(|place, bar| {
            let stays = place.last() != Some(&id);
            if !stays {
                self.screen.remove(bar);
            }
            stays
        });
    }
}

impl Default for ProgressBars {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ProgressBars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressBars")
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

fn draw(bar: &ProgressBar, node: &ProgressNode, depth: usize, now: Timestamp) {
    bar.set_style(style(node));
    bar.set_prefix(title(node, depth));
    bar.set_position((node.fraction.unwrap_or(0.0) * LENGTH as f64) as u64);
    let words = words(node, now);
    if node.state.is_ended() {
        bar.abandon_with_message(words);
    } else {
        bar.set_message(words);
        bar.tick();
    }
}

fn style(node: &ProgressNode) -> ProgressStyle {
    let template = match node.fraction {
        Some(_) => "{prefix} [{bar:24}] {percent:>3}%  {wide_msg}",
        None if node.state.is_ended() => "{prefix} [                        ]        {wide_msg}",
        None => "{prefix} [           {spinner}            ]        {wide_msg}",
    };
    // The templates are right, or a test fails.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// The name, moved in, and cut or filled to one width.
fn title(node: &ProgressNode, depth: usize) -> String {
    let index = node
        .index
        .map_or(String::new(), |index| format!(" {}", index + 1));
    let name = format!("{}{}{index}", "  ".repeat(depth), shown(&node.name));
    let cut: String = name.chars().take(NAMES).collect();
    format!("{cut:NAMES$}")
}

/// What there is to say beside the bar.
fn words(node: &ProgressNode, now: Timestamp) -> String {
    let counted = match node.total {
        Some(total) => Some(format!("{} of {total}", node.done)),
        None => (node.done > 0).then(|| node.done.to_string()),
    };
    let state = match node.state {
        ProgressState::Running | ProgressState::Pending => None,
        state => Some(state.to_string()),
    };
    let left = node.eta.map(|eta| left(now, eta));
    let message = node.message.as_ref().map(|message| shown(message));
    let all = [state, counted, message, left];
    let words: Vec<_> = all.into_iter().flatten().collect();
    words.join(", ")
}

fn left(now: Timestamp, eta: Timestamp) -> String {
    let millis = eta.as_unix_millis().saturating_sub(now.as_unix_millis());
    let seconds = millis.div_ceil(1000);
    match seconds {
        0..=99 => format!("{seconds} s left"),
        100..=5999 => format!("{} min left", seconds / 60),
        _ => format!("{} h left", seconds / 3600),
    }
}

/// Without what a terminal would obey, and on one line.
fn shown(text: &str) -> String {
    text.replace(char::is_control, " ")
}
