//! A picture as a tree of lines.

use super::{
    label::Labels,
    layout::{Layout, Spot},
};

pub(super) fn draw(layout: &Layout, labels: &Labels<'_>) -> String {
    let mut tree = Tree {
        layout,
        labels,
        lines: String::new(),
    };
    tree.line("", 0);
    tree.inside("", 0);
    tree.lines
}

struct Tree<'a> {
    layout: &'a Layout,
    labels: &'a Labels<'a>,
    lines: String,
}

impl Tree<'_> {
    /// The steps inside of one, each with all that is inside of it.
    fn inside(&mut self, margin: &str, spot: Spot) {
        let inside = &self.layout.at(spot).inside;
        for (index, &inner) in inside.iter().enumerate() {
            let is_last = index + 1 == inside.len();
            let (branch, below) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            self.line(&format!("{margin}{branch}"), inner);
            self.inside(&format!("{margin}{below}"), inner);
        }
    }

    fn line(&mut self, before: &str, spot: Spot) {
        let (name, kind) = (self.labels.name(spot), self.labels.kind(spot));
        self.lines.push_str(&format!("{before}{name}"));
        if !kind.is_empty() {
            self.lines.push_str(&format!(" ({kind})"));
        }
        let facts = self.labels.facts(spot);
        if !facts.is_empty() {
            self.lines.push_str(&format!(" — {facts}"));
        }
        self.lines.push('\n');
    }
}
