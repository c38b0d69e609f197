use serde::{Deserialize, Serialize};

use crate::Text;

/// What a step is made of, as it is known before it runs.
///
/// A flow's plan is drawn by its diagram, counted for progress, and compared when a run is resumed.
/// A step that does other steps names them, in the order in which it would; the rest is a leaf.
///
/// ```
/// use mainstem_core::StepPlan;
///
/// let write = StepPlan::new("write", "agent").weight(3);
/// let guide = StepPlan::new("guide", "flow").inside([StepPlan::new("plan", "function"), write]);
/// assert_eq!(guide.total(), 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepPlan {
    /// Its name, the segment of its path.
    pub name: Text,
    /// What kind of step it is: `agent`, `function`, `parallel`, ….
    pub kind: Text,
    /// What a person should know of it besides: `at most 3 times`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
    /// The type that it takes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Text>,
    /// The type that it gives, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Text>,
    /// How much of the whole it is, beside its neighbours; none, if nobody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// How the steps inside belong together.
    #[serde(default, skip_serializing_if = "PlanShape::is_sequence")]
    pub shape: PlanShape,
    /// The steps inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<StepPlan>,
}

/// How the steps inside of a step belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanShape {
    /// One after the other.
    #[default]
    Sequence,
    /// All of them, at the same time.
    Together,
    /// One of them, by a decision: the arms of a branch.
    OneOf,
    /// The first, which decides; then one of the others.
    Routed,
    /// The first; the next, if that one failed.
    Until,
    /// All of them compete, and the first to finish wins.
    Race,
    /// All of them, again and again: a loop, or a map over a list.
    Repeated,
}

impl PlanShape {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
    fn is_sequence(&self) -> bool {
        *self == Self::Sequence
    }
}

impl StepPlan {
    /// A step without others inside; the rest is set by field.
    pub fn new(name: impl Into<Text>, kind: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            detail: None,
            input: None,
            output: None,
            weight: None,
            shape: PlanShape::default(),
            inside: Vec::new(),
        }
    }

    /// Sets [`inside`](Self::inside).
    #[must_use]
    pub fn inside(mut self, steps: impl IntoIterator<Item = Self>) -> Self {
        self.inside = steps.into_iter().collect();
        self
    }

    /// Sets [`shape`](Self::shape).
    #[must_use]
    pub fn shape(mut self, shape: PlanShape) -> Self {
        self.shape = shape;
        self
    }

    /// Sets [`detail`](Self::detail).
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Text>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets [`weight`](Self::weight).
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// How much there is to do: the weights of all steps that aren't made of others, 1 each where
    /// nobody said otherwise.
    ///
    /// Of arms the heaviest counts, of alternatives the first; what is repeated counts once, for how
    /// often isn't known. A step that has a weight of its own counts so, whatever is inside.
    pub fn total(&self) -> u64 {
        let own = self.weight.map(u64::from);
        own.or_else(|| self.total_inside()).unwrap_or(1)
    }

    /// How much there is to do inside of it, whatever its own weight; none, if it is a leaf.
    pub fn total_inside(&self) -> Option<u64> {
        if self.inside.is_empty() {
            return None;
        }
        let totals = self.inside.iter().map(Self::total);
        Some(match self.shape {
            PlanShape::OneOf | PlanShape::Race => totals.max().unwrap_or(0),
            PlanShape::Routed => {
                let mut totals = totals;
                let first = totals.next().unwrap_or(0);
                first.saturating_add(totals.max().unwrap_or(0))
            }
            PlanShape::Until => totals.take(1).sum(),
            PlanShape::Sequence | PlanShape::Together | PlanShape::Repeated => {
                totals.fold(0, u64::saturating_add)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_is_counted_by_the_shape() {
        let leaf = |weight| StepPlan::new("x", "function").weight(weight);
        let of = |shape| {
            StepPlan::new("y", "any")
                .shape(shape)
                .inside([leaf(2), leaf(3)])
        };
        for (shape, total) in [
            (PlanShape::Sequence, 5),
            (PlanShape::Together, 5),
            (PlanShape::OneOf, 3),
            (PlanShape::Routed, 5),
            (PlanShape::Race, 3),
            (PlanShape::Until, 2),
            (PlanShape::Repeated, 5),
        ] {
            assert_eq!(of(shape).total(), total, "{shape:?}");
        }
        let heavy = of(PlanShape::Sequence).weight(9);
        assert_eq!((heavy.total(), heavy.total_inside()), (9, Some(5)));
        assert_eq!(StepPlan::new("x", "function").total(), 1);
    }
}
