//! A plan as a list, in which the steps of events are found.

use std::{collections::HashMap, ops::Range};

use mainstem_core::{PlanShape, StepPath, StepPlan, Text};

/// A step of a plan: its number in the list.
pub(super) type Spot = usize;

/// The steps of a plan, each before those inside of it.
#[derive(Debug, PartialEq)]
pub(super) struct Layout(Vec<Planned>);

/// A step of a plan, with its place among the others.
#[derive(Debug, PartialEq)]
pub(super) struct Planned {
    pub(super) name: Text,
    pub(super) kind: Text,
    pub(super) detail: Option<Text>,
    pub(super) shape: PlanShape,
    /// How much of the step around it this one is.
    pub(super) weight: f64,
    /// The weights of all steps inside.
    pub(super) weight_inside: f64,
    pub(super) outer: Option<Spot>,
    pub(super) inside: Vec<Spot>,
    /// Where those that are inside of it, and inside of these, end in the list.
    end: Spot,
    /// Of those inside the first of each name.
    by_name: HashMap<Text, Spot>,
}

impl Layout {
    pub(super) fn new(plan: &StepPlan) -> Self {
        let mut layout = Self(Vec::new());
        layout.add(plan, None);
        layout
    }

    fn add(&mut self, plan: &StepPlan, outer: Option<Spot>) -> Spot {
        let spot = self.0.len();
        self.0.push(Planned {
            name: plan.name.clone(),
            kind: plan.kind.clone(),
            detail: plan.detail.clone(),
            shape: plan.shape,
            weight: plan.total() as f64,
            weight_inside: plan.inside.iter().map(|step| step.total() as f64).sum(),
            outer,
            inside: Vec::with_capacity(plan.inside.len()),
            end: spot + 1,
            by_name: HashMap::new(),
        });
        for step in &plan.inside {
            let inner = self.add(step, Some(spot));
            let planned = &mut self.0[spot];
            planned.inside.push(inner);
            planned.by_name.entry(step.name.clone()).or_insert(inner);
        }
        self.0[spot].end = self.0.len();
        spot
    }

    pub(super) fn at(&self, spot: Spot) -> &Planned {
        &self.0[spot]
    }

    pub(super) fn spots(&self) -> Range<Spot> {
        0..self.0.len()
    }

    /// A step and all that is inside of it, also further in.
    pub(super) fn whole(&self, spot: Spot) -> Range<Spot> {
        spot..self.0[spot].end
    }

    /// The step that a path names, whatever its round, item or attempt; none, if the plan has none
    /// there: what a function runs isn't planned.
    pub(super) fn find(&self, path: &StepPath) -> Option<Spot> {
        let mut segments = path.segments();
        let first = segments.next()?;
        if *first.name() != *self.0[0].name {
            return None;
        }
        let (mut spot, mut index) = (0, first.index());
        for segment in segments {
            spot = self.0[spot].inner(&segment.name(), index, &self.0)?;
            index = segment.index();
        }
        Some(spot)
    }
}

impl Planned {
    /// The step inside of that name; where several have it, the one that the branch's index says.
    fn inner(&self, name: &str, index: Option<u32>, all: &[Self]) -> Option<Spot> {
        let first = self.by_name.get(name).copied();
        if self.shape == PlanShape::Repeated {
            return first; // the index is that of a round, or of an item
        }
        let nth = index.and_then(|index| self.inside.get(usize::try_from(index).ok()?));
        nth.copied()
            .filter(|&spot| all[spot].name == *name)
            .or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(layout: &Layout, path: &str) -> Option<Spot> {
        let path: StepPath = serde_json::from_value(path.into()).unwrap();
        layout.find(&path)
    }

    #[test]
    fn steps_are_found_by_name_and_by_index_where_they_share_it() {
        let leaf = |name: &str| StepPlan::new(name, "function");
        let both = StepPlan::new("both", "parallel")
            .shape(PlanShape::Together)
            .inside([leaf("f"), leaf("f"), leaf("g")]);
        let each = StepPlan::new("each", "map")
            .shape(PlanShape::Repeated)
            .inside([leaf("f")]);
        let layout = Layout::new(&StepPlan::new("a/b", "flow").inside([both, each]));
        assert_eq!(found(&layout, "a%2Fb"), Some(0));
        assert_eq!(found(&layout, "a%2Fb/both[1]"), Some(1));
        assert_eq!(found(&layout, "a%2Fb/both[0]/f"), Some(2));
        assert_eq!(found(&layout, "a%2Fb/both[1]/f#7"), Some(3));
        assert_eq!(found(&layout, "a%2Fb/both[2]/g"), Some(4));
        // Not the index, but the name says which it is, where one has it.
        assert_eq!(found(&layout, "a%2Fb/both[0]/g"), Some(4));
        assert_eq!(found(&layout, "a%2Fb/each[99]/f"), Some(6));
        for elsewhere in ["", "a", "b", "a%2Fb/f", "a%2Fb/each[0]/f/x"] {
            assert_eq!(found(&layout, elsewhere), None, "{elsewhere}");
        }
        assert_eq!(layout.whole(1), 1..5);
    }
}
