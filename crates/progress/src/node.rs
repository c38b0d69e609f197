//! What is shown of a node.

use std::fmt;

use mainstem_core::{StepPath, Text, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ProgressState,
    parts::{WHOLE, parts_of},
};

/// The number of a node in its tree: the root is 0, and no number is given twice.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ProgressId(pub u32);

impl ProgressId {
    /// The root of each tree.
    pub const ROOT: Self = Self(0);

    pub(crate) fn slot(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ProgressId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a node stands for.
///
/// Of a run it is: the run and each flow in it a workflow, what a workflow is made of steps, what these
/// are made of subtasks, and turns and calls of tools operations. By hand it is what you say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProgressKind {
    /// A whole: a run, a flow.
    Workflow,
    /// A part of a workflow.
    #[default]
    Step,
    /// A part of a step.
    Subtask,
    /// A single thing that is done: an answer of a model, a call of a tool.
    Operation,
}

impl ProgressKind {
    /// What a part of it is, if nobody says otherwise.
    pub(crate) fn inside(self) -> Self {
        match self {
            Self::Workflow => Self::Step,
            Self::Step => Self::Subtask,
            Self::Subtask | Self::Operation => Self::Operation,
        }
    }
}

/// One node of a tree, as it is shown.
///
/// In JSON, what there is nothing to say of is left out, but for `fraction`: `null` is a fraction that
/// nobody knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgressNode {
    /// Its number.
    pub id: ProgressId,
    /// The node that it is inside of; none for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProgressId>,
    /// What it is called.
    pub name: Text,
    /// Which branch, item, round or turn it is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// What it stands for.
    pub kind: ProgressKind,
    /// What kind of step of a run it is: `agent`, `function`, `map`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Text>,
    /// Its path in the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<StepPath>,
    /// How it is.
    pub state: ProgressState,
    /// How much of the node around it it is, beside its neighbours.
    pub weight: f64,
    /// How much of it is done, from 0 to 1; none, if that isn't known.
    pub fraction: Option<f64>,
    /// How much was counted; of what, the application knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub done: u64,
    /// How much there is to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The weights of the nodes that are expected inside, together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// How many nodes directly inside ended and aren't kept any more, because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgotten: u64,
    /// What is being done, or why it ended as it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Text>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// When it will be done, by how fast it went; none, if it doesn't run or nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Timestamp>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl ProgressNode {
    /// A node of which nothing is known but its name.
    pub(crate) fn new(id: ProgressId, parent: Option<ProgressId>, name: Text) -> Self {
        Self {
            id,
            parent,
            name,
            index: None,
            kind: ProgressKind::default(),
            step: None,
            path: None,
            state: ProgressState::default(),
            weight: 1.0,
            fraction: Some(0.0),
            done: 0,
            total: None,
            expected: None,
            forgotten: 0,
            message: None,
            started: None,
            ended: None,
            eta: None,
        }
    }

    /// How much is done, in whole percents, rounded down; none, if that isn't known.
    ///
    /// ```
    /// use mainstem_progress::ProgressTree;
    ///
    /// let load = ProgressTree::new("import").root().child("load").total(3).start()?;
    /// load.update(2)?;
    /// assert_eq!(load.node().unwrap().percent(), Some(66));
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn percent(&self) -> Option<u8> {
        let percent = self.fraction.map(parts_of)? / (WHOLE / 100);
        u8::try_from(percent).ok()
    }
}
