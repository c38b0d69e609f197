//! A picture as a flowchart of Mermaid.

use std::collections::BTreeMap;

use mainstem_core::PlanShape;

use super::{
    escape,
    label::Labels,
    layout::{Layout, Spot},
    state::Status,
};

pub(super) fn draw(layout: &Layout, labels: &Labels<'_>) -> String {
    let mut chart = Chart {
        layout,
        labels,
        lines: "flowchart TD\n".to_owned(),
        depth: 1,
    };
    chart.step(0);
    chart.colours();
    chart.lines
}

struct Chart<'a> {
    layout: &'a Layout,
    labels: &'a Labels<'a>,
    lines: String,
    depth: usize,
}

impl Chart<'_> {
    fn line(&mut self, line: &str) {
        self.lines.push_str(&"    ".repeat(self.depth));
        self.lines.push_str(line);
        self.lines.push('\n');
    }

    /// A step: a box, or a frame around those inside.
    fn step(&mut self, spot: Spot) {
        let step = self.layout.at(spot);
        if step.inside.is_empty() {
            let label = self.label(spot, "<br/>");
            let (open, close) = match &*step.kind {
                "agent" => ("([", "])"),
                "ask" => ("[/", "/]"),
                _ => ("[", "]"),
            };
            self.line(&format!("s{spot}{open}\"{label}\"{close}"));
            return;
        }
        // Mermaid leaves room for one line above the boxes of a frame.
        let label = self.label(spot, " · ");
        self.line(&format!("subgraph s{spot}[\"{label}\"]"));
        self.depth += 1;
        for &inner in &step.inside {
            self.step(inner);
        }
        self.edges(spot);
        self.depth -= 1;
        self.line("end");
    }

    fn label(&self, spot: Spot, between: &str) -> String {
        let name = escape::mermaid(&self.labels.name(spot));
        let kind = escape::mermaid(&self.labels.kind(spot));
        let mut label = format!("{name}{between}{kind}");
        let facts = self.labels.facts(spot);
        if !facts.is_empty() {
            label.push_str(between);
            label.push_str(&facts); // words of our own
        }
        label
    }

    /// How the steps inside of one belong together.
    fn edges(&mut self, spot: Spot) {
        let step = self.layout.at(spot);
        match step.shape {
            PlanShape::Together => {}
            PlanShape::OneOf => self.arms(spot, &step.inside),
            PlanShape::Routed => {
                self.arms(spot, &step.inside[1..]);
                self.line(&format!("s{} --> s{spot}q", step.inside[0]));
            }
            PlanShape::Race => {
                self.line(&format!("s{spot}q{{{{\"who is first?\"}}}}"));
                for &rival in &step.inside {
                    self.line(&format!("s{spot}q --> s{rival}"));
                }
            }
            PlanShape::Until => self.chain(&step.inside, "-.->|\"if it fails\"|"),
            PlanShape::Repeated => {
                // The edge back goes to a sign of its own: Mermaid can't draw one from a frame to
                // itself.
                self.line(&format!("s{spot}q((\"again\"))"));
                self.chain(&step.inside, "-->");
                if let [first, .., last] | [first @ last] = &step.inside[..] {
                    self.line(&format!("s{spot}q --> s{first}"));
                    self.line(&format!("s{last} -.-> s{spot}q"));
                }
            }
            _ => self.chain(&step.inside, "-->"),
        }
    }

    fn arms(&mut self, spot: Spot, arms: &[Spot]) {
        self.line(&format!("s{spot}q{{\"which?\"}}"));
        for &arm in arms {
            let name = escape::mermaid(&self.labels.bare_name(arm));
            self.line(&format!("s{spot}q -->|\"{name}\"| s{arm}"));
        }
    }

    fn chain(&mut self, steps: &[Spot], edge: &str) {
        for pair in steps.windows(2) {
            self.line(&format!("s{} {edge} s{}", pair[0], pair[1]));
        }
    }

    /// The classes of the steps, by how they are.
    fn colours(&mut self) {
        let mut classes: BTreeMap<Status, Vec<String>> = BTreeMap::new();
        for spot in self.layout.spots() {
            if let Some(status) = self.labels.status(spot) {
                classes.entry(status).or_default().push(format!("s{spot}"));
            }
        }
        for (status, steps) in classes {
            let (class, colours) = class(status);
            self.line(&format!("classDef {class} {colours}"));
            self.line(&format!("class {} {class}", steps.join(",")));
        }
    }
}

/// A status as a class, with its colours; the sign in the label says the same without them.
fn class(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Waiting => ("waiting", "fill:#f4f4f5,stroke:#a1a1aa,color:#27272a"),
        Status::Running => ("running", "fill:#dbeafe,stroke:#1d4ed8,color:#172554"),
        Status::Suspended => ("suspended", "fill:#fef3c7,stroke:#b45309,color:#451a03"),
        Status::Done => ("done", "fill:#dcfce7,stroke:#15803d,color:#052e16"),
        Status::Failed => ("failed", "fill:#fee2e2,stroke:#b91c1c,color:#450a0a"),
        Status::LeftOut => (
            "leftout",
            "fill:#fafafa,stroke:#a1a1aa,color:#52525b,stroke-dasharray:4 4",
        ),
        Status::Retracted => ("retracted", "fill:#ffedd5,stroke:#c2410c,color:#431407"),
        Status::Stopped => ("stopped", "fill:#e4e4e7,stroke:#52525b,color:#18181b"),
    }
}
