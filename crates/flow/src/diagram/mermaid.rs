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
        signs: Vec::new(),
        has_edges: false,
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
    /// The ids of what isn't a step: where it is decided how to go on.
    signs: Vec<String>,
    has_edges: bool,
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
        // Said of each frame, or Mermaid turns the direction around in every other one.
        self.line(match step.shape {
            PlanShape::Together => "direction LR",
            _ => "direction TB",
        });
        for &inner in &step.inside {
            self.step(inner);
        }
        self.edges(spot);
        self.depth -= 1;
        self.line("end");
    }

    fn label(&self, spot: Spot, between: &str) -> String {
        let mut label = escape::mermaid(&self.labels.name(spot));
        let facts = self.labels.facts(spot); // words of our own
        for more in [escape::mermaid(&self.labels.kind(spot)), facts] {
            if !more.is_empty() {
                label.push_str(between);
                label.push_str(&unbroken(&more));
            }
        }
        label
    }

    fn edge(&mut self, from: &str, edge: &str, to: &str) {
        self.has_edges = true;
        self.line(&format!("{from} {edge} {to}"));
    }

    /// Something that isn't a step; its id.
    fn sign(&mut self, spot: Spot, (open, close): (&str, &str), words: &str) -> String {
        let id = format!("s{spot}q");
        self.line(&format!("{id}{open}\"{words}\"{close}"));
        self.signs.push(id.clone());
        id
    }

    /// How the steps inside of one belong together.
    fn edges(&mut self, spot: Spot) {
        let step = self.layout.at(spot);
        match step.shape {
            // Beside each other, in their order.
            PlanShape::Together => self.chain(&step.inside, "~~~"),
            PlanShape::OneOf => {
                self.arms(spot, &step.inside);
            }
            PlanShape::Routed => {
                let arms = self.arms(spot, &step.inside[1..]);
                self.edge(&id(step.inside[0]), "-->", &arms);
            }
            PlanShape::Race => {
                let start = self.sign(spot, ("{{", "}}"), "who is first?");
                for &rival in &step.inside {
                    self.edge(&start, "-->", &id(rival));
                }
            }
            PlanShape::Until => self.chain(&step.inside, "-.->|\"if it fails\"|"),
            PlanShape::Repeated => self.rounds(spot, &step.inside, &step.kind),
            _ => self.chain(&step.inside, "-->"),
        }
    }

    /// A loop, with an edge back; or a map, whose items don't follow each other.
    fn rounds(&mut self, spot: Spot, inside: &[Spot], kind: &str) {
        let ([first, .., last] | [first @ last]) = inside else {
            return;
        };
        if kind == "map" {
            let each = self.sign(spot, ("[[", "]]"), "for each");
            self.edge(&each, "-->", &id(*first));
            self.chain(inside, "-->");
            return;
        }
        self.chain(inside, "-->");
        // The edge back goes by a sign of its own: Mermaid can't draw one from a frame to itself.
        let enough = self.sign(spot, ("{", "}"), "enough?");
        self.edge(&id(*last), "-->", &enough);
        self.edge(&enough, "-.->|\"no, again\"|", &id(*first));
    }

    /// The arms, and the sign that stands before them.
    fn arms(&mut self, spot: Spot, arms: &[Spot]) -> String {
        let which = self.sign(spot, ("{", "}"), "which?");
        for &arm in arms {
            let name = escape::mermaid(&self.labels.bare_name(arm));
            self.edge(&which, &format!("-->|\"{name}\"|"), &id(arm));
        }
        which
    }

    fn chain(&mut self, steps: &[Spot], edge: &str) {
        for pair in steps.windows(2) {
            self.edge(&id(pair[0]), edge, &id(pair[1]));
        }
    }

    /// The classes of the steps, by how they are. Each says all of its colours, so that it can be read in
    /// a light theme and in a dark one; frames let the page shine through, and take its colour of text.
    fn colours(&mut self) {
        let mut boxes: BTreeMap<Option<Status>, Vec<String>> = BTreeMap::new();
        let mut frames = boxes.clone();
        for spot in self.layout.spots() {
            let of = match self.layout.at(spot).inside.is_empty() {
                true => &mut boxes,
                false => &mut frames,
            };
            of.entry(self.labels.status(spot))
                .or_default()
                .push(id(spot));
        }
        for (status, ids) in boxes {
            let (name, _, colours) = class(status);
            self.class(name, colours, &ids);
        }
        for (status, ids) in frames {
            let (name, colours, _) = class(status);
            self.class(&format!("{name}Frame"), colours, &ids);
        }
        let signs = std::mem::take(&mut self.signs);
        if !signs.is_empty() {
            let colours = "fill:#e0e7ff,stroke:#6366f1,color:#1e1b4b";
            self.class("sign", colours, &signs);
        }
        if self.has_edges {
            // No width: it would show the links that only keep branches in their order.
            self.line("linkStyle default stroke:#7d8590");
        }
    }

    fn class(&mut self, name: &str, colours: &str, ids: &[String]) {
        self.line(&format!("classDef {name} {colours}"));
        self.line(&format!("class {} {name}", ids.join(",")));
    }
}

fn id(spot: Spot) -> String {
    format!("s{spot}")
}

/// A line may only be broken after a comma.
fn unbroken(words: &str) -> String {
    words.replace(' ', "\u{a0}").replace(",\u{a0}", ", ")
}

/// A status as a class, with the colours of frames and those of boxes; the sign in the label says the
/// same without them. None is a picture without a run.
fn class(status: Option<Status>) -> (&'static str, &'static str, &'static str) {
    let Some(status) = status else {
        return (
            "step",
            "fill:#8b949e1a,stroke:#8b949e",
            "fill:#f4f4f5,stroke:#71717a,color:#18181b",
        );
    };
    match status {
        Status::Unknown => (
            "unknown",
            "fill:#8b949e1a,stroke:#8b949e,stroke-dasharray:2 4",
            "fill:#f4f4f5,stroke:#8b949e,color:#52525b,stroke-dasharray:2 4",
        ),
        Status::Waiting => (
            "waiting",
            "fill:#8b949e1a,stroke:#8b949e",
            "fill:#f4f4f5,stroke:#a1a1aa,color:#27272a",
        ),
        Status::Running => (
            "running",
            "fill:#3b82f626,stroke:#3b82f6",
            "fill:#dbeafe,stroke:#1d4ed8,color:#172554",
        ),
        Status::Suspended => (
            "suspended",
            "fill:#f59e0b26,stroke:#d97706",
            "fill:#fef3c7,stroke:#b45309,color:#451a03",
        ),
        Status::Done => (
            "done",
            "fill:#22c55e1a,stroke:#22a355",
            "fill:#dcfce7,stroke:#15803d,color:#052e16",
        ),
        Status::Failed => (
            "failed",
            "fill:#ef444426,stroke:#ef4444",
            "fill:#fee2e2,stroke:#b91c1c,color:#450a0a",
        ),
        Status::LeftOut => (
            "leftout",
            "fill:#8b949e0d,stroke:#8b949e,stroke-dasharray:4 4",
            "fill:#fafafa,stroke:#a1a1aa,color:#52525b,stroke-dasharray:4 4",
        ),
        Status::Retracted => (
            "retracted",
            "fill:#f9731626,stroke:#f97316",
            "fill:#ffedd5,stroke:#c2410c,color:#431407",
        ),
        Status::Stopped => (
            "stopped",
            "fill:#8b949e33,stroke:#8b949e",
            "fill:#e4e4e7,stroke:#52525b,color:#18181b",
        ),
    }
}
