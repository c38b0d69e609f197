//! Mermaid by a strict grammar, whatever the names are: each line is one that Mermaid's own parser
//! takes as what it is meant to be.

use std::collections::BTreeSet;

use mainstem_core::{PlanShape, StepPlan};
use mainstem_flow::Diagram;
use proptest::prelude::*;

use super::log::Log;

/// Reads a chart, or says which line it doesn't understand; how many steps and frames it has.
fn read(chart: &str) -> Result<usize, String> {
    let mut lines = chart.lines();
    if lines.next() != Some("flowchart TD") {
        return Err("no flowchart".to_owned());
    }
    let (mut known, mut open, mut steps) = (BTreeSet::new(), 0_usize, 0);
    for line in lines.map(str::trim_start) {
        let wrong = || format!("not understood: {line}");
        if line == "end" {
            open = open.checked_sub(1).ok_or_else(wrong)?;
        } else if let Some(frame) = line.strip_prefix("subgraph ") {
            let id = labelled(frame, &[("[", "]")]).ok_or_else(wrong)?;
            (open, steps) = (open + 1, steps + 1);
            known.insert(id);
        } else if let Some(class) = line.strip_prefix("classDef ") {
            let sound = |c: char| c.is_ascii_alphanumeric() || " :#,-".contains(c);
            class.chars().all(sound).then_some(()).ok_or_else(wrong)?;
        } else if let Some(class) = line.strip_prefix("class ") {
            let (ids, _) = class.split_once(' ').ok_or_else(wrong)?;
            let all_known = ids.split(',').all(|id| known.contains(id));
            all_known.then_some(()).ok_or_else(wrong)?;
        } else if let Some((from, to)) = edge(line) {
            (known.contains(from) && known.contains(to))
                .then_some(())
                .ok_or_else(wrong)?;
        } else {
            let boxes = [
                ("([", "])"),
                ("[/", "/]"),
                ("[", "]"),
                ("{{", "}}"),
                ("{", "}"),
                ("((", "))"),
            ];
            let id = labelled(line, &boxes).ok_or_else(wrong)?;
            steps += usize::from(!id.ends_with('q'));
            known.insert(id);
        }
    }
    (open == 0)
        .then_some(steps)
        .ok_or_else(|| "a frame isn't closed".to_owned())
}

/// `s1["label"]`: the id, if the rest is sound.
fn labelled<'a>(text: &'a str, boxes: &[(&str, &str)]) -> Option<&'a str> {
    let (head, rest) = text.split_once('"')?;
    let (label, close) = rest.rsplit_once('"')?;
    let (id, _) = boxes.iter().find_map(|(open, closing)| {
        Some((head.strip_suffix(open)?, (close == *closing).then_some(())?))
    })?;
    (is_id(id) && is_label(label)).then_some(id)
}

fn edge(line: &str) -> Option<(&str, &str)> {
    let (from, rest) = line.split_once(' ')?;
    let rest = rest
        .strip_prefix("-->")
        .or_else(|| rest.strip_prefix("-.->"))?;
    let to = match rest.strip_prefix("|\"") {
        None => rest.strip_prefix(' ')?,
        Some(rest) => {
            let (label, to) = rest.split_once("\"| ")?;
            (is_label(label) && !label.trim().is_empty()).then_some(to)?
        }
    };
    (is_id(from) && is_id(to)).then_some((from, to))
}

fn is_id(text: &str) -> bool {
    let number = text.strip_prefix('s').unwrap_or_default();
    let number = number.strip_suffix('q').unwrap_or(number);
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// Letters, digits and a few signs; `<br/>`, and other signs by number.
fn is_label(text: &str) -> bool {
    let parts = text.split("<br/>");
    parts.into_iter().all(|part| {
        let mut pieces = part.split('#');
        let plain = |text: &str| {
            text.chars()
                .all(|c| c.is_alphanumeric() || " ,?·…×✓✗–▸↺■".contains(c))
        };
        plain(pieces.next().unwrap_or_default())
            && pieces.all(|piece| {
                piece
                    .split_once(';')
                    .is_some_and(|(number, rest)| number.parse::<u32>().is_ok() && plain(rest))
            })
    })
}

fn text() -> impl Strategy<Value = String> {
    let hostile = [
        "end",
        "subgraph",
        "%%{init: {}}%%",
        "\"]",
        "a --> b",
        "`**b**`",
        "<script>",
        "&quot;",
        "#quot;",
        "$$x$$",
        "fa:fa-bird",
        "1. x",
        "- x",
        "style x:#f;",
        "\n",
        "",
        "click s0 \"x\"",
    ];
    prop_oneof![
        any::<String>(),
        prop::sample::select(hostile.to_vec()).prop_map(str::to_owned)
    ]
}

fn plans() -> impl Strategy<Value = StepPlan> {
    let shapes = [
        PlanShape::Sequence,
        PlanShape::Together,
        PlanShape::OneOf,
        PlanShape::Routed,
        PlanShape::Until,
        PlanShape::Race,
        PlanShape::Repeated,
    ];
    let leaf = (text(), text()).prop_map(|(name, kind)| StepPlan::new(name, kind));
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let inside = prop::collection::vec(inner, 0..4);
        (
            text(),
            text(),
            prop::sample::select(shapes.to_vec()),
            inside,
        )
            .prop_map(|(name, detail, shape, inside)| {
                StepPlan::new(name, "any")
                    .detail(detail)
                    .shape(shape)
                    .inside(inside)
            })
    })
}

fn count(plan: &StepPlan) -> usize {
    1 + plan.inside.iter().map(count).sum::<usize>()
}

#[test]
fn the_grammar_refuses_what_isnt_sound() {
    for wrong in [
        "graph TD\n",
        "flowchart TD\n  s0[\"a\"b\"]\n",
        "flowchart TD\n  s0[\"<b>\"]\n",
        "flowchart TD\n  subgraph s0[\"a\"]\n",
        "flowchart TD\n  s0[\"a\"]\n  s0 --> s1\n",
        "flowchart TD\n  s0[\"%%{init}%%\"]\n",
        "flowchart TD\n  click s0\n",
        "flowchart TD\n  s0[\"a\"]\n  s0 -->|\"\"| s0\n",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn every_plan_is_sound_mermaid(plan in plans()) {
        let diagram = Diagram::new(&plan);
        prop_assert_eq!(read(&diagram.to_mermaid()), Ok(count(&plan)));
        prop_assert_eq!(diagram.to_text().lines().count(), count(&plan));
        let mut log = Log::new(diagram.state());
        let root = mainstem_core::StepPath::run().child(&plan.name);
        log.begin(root.as_str());
        let running = diagram.with_state(&log.state);
        prop_assert_eq!(read(&running.to_mermaid()), Ok(count(&plan)));
        prop_assert!(running.to_text().starts_with('▸'));
    }
}
