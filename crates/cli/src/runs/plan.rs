//! The plan of a run, as far as its log shows it.

use mainstem::{Event, EventKind, PlanShape, StepPath, StepPlan, Text};

/// The steps that a run began, each once, whatever its round, item or attempt.
#[derive(Default)]
pub(super) struct SeenSteps(Vec<Seen>);

struct Seen {
    name: Text,
    kind: Text,
    /// In which branch of the step around it; none, where branches are rounds or items.
    branch: Option<u32>,
    inside: SeenSteps,
}

impl SeenSteps {
    pub(super) fn take(&mut self, event: &Event) {
        if let EventKind::StepStarted(started) = &event.kind {
            self.add(&event.path, &started.kind);
        }
    }

    fn add(&mut self, path: &StepPath, kind: &Text) {
        let (mut steps, mut branch) = (self, None);
        for segment in path.segments() {
            let name = segment.name();
            let known = steps
                .0
                .iter()
                .position(|step| *step.name == *name && step.branch == branch);
            let at = known.unwrap_or_else(|| {
                steps.0.push(Seen {
                    name: name.as_ref().into(),
                    kind: kind.clone(),
                    branch,
                    inside: SeenSteps::default(),
                });
                steps.0.len() - 1
            });
            let step = &mut steps.0[at];
            branch = segment
                .index()
                .filter(|_| step.shape() == PlanShape::Together);
            steps = &mut step.inside;
        }
    }

    /// A plan for each step that isn't inside of another one.
    pub(super) fn plans(&self) -> Vec<StepPlan> {
        let mut steps: Vec<_> = self.0.iter().collect();
        // Branches begin in any order, and are found by their number.
        steps.sort_by_key(|step| step.branch);
        steps.into_iter().map(Seen::plan).collect()
    }
}

impl Seen {
    fn shape(&self) -> PlanShape {
        match &*self.kind {
            "parallel" => PlanShape::Together,
            "race" => PlanShape::Race,
            "map" | "repeat" => PlanShape::Repeated,
            _ => PlanShape::Sequence,
        }
    }

    fn plan(&self) -> StepPlan {
        StepPlan::new(self.name.clone(), self.kind.clone())
            .shape(self.shape())
            .inside(self.inside.plans())
    }
}
