//! Pictures of flows: their text, their Mermaid, and the state of a run on them.

mod control;
mod grammar;
mod log;
mod picture;
mod progress;
mod state;

use std::{fs, path::PathBuf};

use mainstem_core::{PlanShape, StepPlan};

/// A text that is written as its golden file has it; `UPDATE_GOLDEN=1` writes that anew.
fn check_golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/diagram")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    assert_eq!(text, golden, "{name} has changed");
}

fn function(name: &str) -> StepPlan {
    StepPlan::new(name, "function")
}

/// A plan with every shape, in each other.
fn every_shape() -> StepPlan {
    let views = StepPlan::new("views", "parallel")
        .shape(PlanShape::Together)
        .inside([
            StepPlan::new("expert", "agent").weight(3),
            StepPlan::new("sceptic", "agent").weight(3),
            function("length"),
        ]);
    let source = StepPlan::new("source", "fallback")
        .shape(PlanShape::Until)
        .inside([function("cache"), function("archive"), function("web")]);
    let fastest = StepPlan::new("fastest", "race")
        .shape(PlanShape::Race)
        .inside([
            StepPlan::new("small", "agent"),
            StepPlan::new("large", "agent"),
        ]);
    let research = StepPlan::new("research", "map")
        .shape(PlanShape::Repeated)
        .detail("at most 4 at once")
        .inside([StepPlan::new("one", "flow").inside([source, fastest])]);
    let improve = StepPlan::new("improve", "repeat")
        .shape(PlanShape::Repeated)
        .detail("at most 3 times")
        .inside([StepPlan::new("round", "flow").inside([
            StepPlan::new("write", "agent").detail("at most 2 attempts"),
            StepPlan::new("judge", "agent"),
        ])]);
    let publish = StepPlan::new("publish?", "branch")
        .shape(PlanShape::OneOf)
        .inside([
            StepPlan::new("yes", "flow")
                .inside([StepPlan::new("approve", "ask"), function("send")]),
            function("no \"thanks\" <b>"),
        ]);
    let route = StepPlan::new("route", "branch")
        .shape(PlanShape::Routed)
        .inside([
            StepPlan::new("router", "agent"),
            function("deep"),
            function("otherwise"),
        ]);
    StepPlan::new("guide", "flow").inside([
        function("analyze"),
        route,
        views,
        research,
        improve,
        publish,
    ])
}
