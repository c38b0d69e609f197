//! What is known of a flow before it runs.

use mainstem_core::{PlanShape, StepPath, StepPlan, StepStarted};

use crate::{
    ProgressId, ProgressNode, ProgressTree,
    arena::{Arena, Slot},
    ops::DEEPEST,
    parts::grains_of,
};

impl ProgressTree {
    /// A tree for runs of an agent or flow, whose steps stand in it before they begin.
    ///
    /// It has the steps that are sure to come: those in a row and those at the same time. Arms of a
    /// branch, rounds of a loop, items of a map and rivals of a race come with their events.
    ///
    /// ```
    /// use mainstem_core::StepPlan;
    /// use mainstem_progress::{ProgressState, ProgressTree};
    ///
    /// let write = StepPlan::new("write", "agent").weight(3);
    /// let plan = StepPlan::new("guide", "flow").inside([StepPlan::new("plan", "function"), write]);
    /// let snapshot = ProgressTree::planned(&plan).snapshot();
    /// assert_eq!(snapshot.root().expected, Some(4.0));
    /// assert_eq!(snapshot.nodes[2].path.as_ref().unwrap().as_str(), "guide/write");
    /// assert_eq!(snapshot.nodes[2].state, ProgressState::Pending);
    /// ```
    pub fn planned(plan: &StepPlan) -> Self {
        let tree = Self::new(plan.name.clone());
        let path = StepPath::run().child(&plan.name);
        {
            let arena = &mut tree.lock().arena;
            let (step, expected) = (plan.kind.clone(), plan.total_inside().unwrap_or(0));
            arena.steps.insert(path.clone(), ProgressId::ROOT);
            arena.set(ProgressId::ROOT, |root| {
                root.view.step = Some(step);
                root.view.path = Some(path.clone());
                root.expected = grains_of(expected as f64);
            });
            arena.add_planned(ProgressId::ROOT, &path, plan, DEEPEST);
            arena.forget_changes();
        }
        tree
    }
}

impl Arena {
    /// Adds what is inside of a step, so many levels of it.
    fn add_planned(&mut self, around: ProgressId, path: &StepPath, plan: &StepPlan, levels: usize) {
        let Some(levels) = levels.checked_sub(1) else {
            return;
        };
        let sure = match plan.shape {
            PlanShape::Sequence | PlanShape::Together => plan.inside.len(),
            PlanShape::Routed | PlanShape::Until => 1,
            _ => 0,
        };
        for (index, step) in (0..).zip(plan.inside.iter().take(sure)) {
            let branch = match plan.shape {
                PlanShape::Together | PlanShape::Until => Some(index),
                _ => None,
            };
            let path = branch.map_or(path.clone(), |index| path.index(index));
            let path = path.child(&step.name);
            let id = self.put_planned(around, &path, branch, step);
            self.add_planned(id, &path, step, levels);
        }
    }

    fn put_planned(
        &mut self,
        around: ProgressId,
        path: &StepPath,
        branch: Option<u32>,
        step: &StepPlan,
    ) -> ProgressId {
        let id = self.next_id();
        let mut view = ProgressNode::new(id, Some(around), step.name.clone());
        view.weight = step.total() as f64;
        view.expected = step.total_inside().map(|total| total as f64);
        view.index = branch;
        view.step = Some(step.kind.clone());
        view.path = Some(path.clone());
        self.steps.insert(path.clone(), id);
        self.put(Slot::new(view));
        let kind = self.kind_of(id, &StepStarted::new(step.kind.clone()));
        self.set(id, |slot| slot.view.kind = kind);
        id
    }
}
