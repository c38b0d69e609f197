//! Mermaid by a strict grammar, whatever the names are: each line is one that Mermaid's own parser
//! takes as what it is meant to be. (Mermaid itself needs a browser or half of one; 11.17 has parsed and
//! rendered what the property test below makes.)

use std::collections::BTreeSet;

use mainstem_core::{PlanShape, StepPlan};
use mainstem_flow::Diagram;
use proptest::prelude::*;

use super::{every_shape, log::Log};

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
        } else if let Some(way) = line.strip_prefix("direction ") {
            let is_in_frame = open > 0 && ["TB", "LR"].contains(&way);
            is_in_frame.then_some(()).ok_or_else(wrong)?;
        } else if let Some(style) = line.strip_prefix("linkStyle default ") {
            let sound = |c: char| c.is_ascii_alphanumeric() || ":#,-.".contains(c);
            style.chars().all(sound).then_some(()).ok_or_else(wrong)?;
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
                ("[[", "]]"),
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
        .or_else(|| rest.strip_prefix("-.->"))
        .or_else(|| rest.strip_prefix("~~~"))?;
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

/// Letters, digits and a few signs; `<br/>`, and other signs by number. No icon, even by numbers.
fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " \u{a0},?·…×✓✗–▸↺■".contains(c);
    let lines: Option<Vec<_>> = text.split("<br/>").map(decoded).collect();
    lines.is_some_and(|lines| {
        let is_sound =
            |(signs, read): &(String, String)| signs.chars().all(plain) && !read.contains(":fa-");
        lines.iter().all(is_sound)
    })
}

/// What stands there but for the numbers, and what it is read as.
fn decoded(text: &str) -> Option<(String, String)> {
    let mut pieces = text.split('#');
    let mut signs = pieces.next()?.to_owned();
    let mut read = signs.clone();
    for piece in pieces {
        let (number, rest) = piece.split_once(';')?;
        read.push(char::from_u32(number.parse().ok()?)?);
        read.push_str(rest);
        signs.push_str(rest);
    }
    Some((signs, read))
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
        "flowchart TD\n  direction TB\n",
        "flowchart TD\n  s0[\"fa#58;fa#45;bird\"]\n",
        "flowchart TD\n  s0[\"a\"]\n  s0 -->|\"\"| s0\n",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

/// Events that no run emits in this order.
fn wild_events() -> impl Strategy<Value = Vec<(usize, usize, u64)>> {
    prop::collection::vec((0..PATHS.len(), 0..6usize, 0..40u64), 0..60)
}

const PATHS: [&str; 12] = [
    "",
    "guide",
    "guide/analyze",
    "guide/views",
    "guide/views[0]/expert",
    "guide/views[0]/expert#2",
    "guide/research",
    "guide/research[0]/one",
    "guide/research[1]/one",
    "guide/research[1]/one/source/cache",
    "guide/improve[3]/round/write#3",
    "elsewhere/x",
];

proptest! {
    #[test]
    fn any_events_can_be_followed(events in wild_events()) {
        let diagram = Diagram::new(&every_shape());
        let mut log = Log::new(diagram.state());
        let mut done = 0.0;
        for (path, what, since) in events {
            let path = PATHS[path];
            match what {
                0 => log.begin(path),
                1 => log.after(7).finish(path),
                2 => log.fail(path),
                3 => log.skip(path),
                4 => log.list(path, &[1, 2, 3]),
                _ => log.retract(path, mainstem_core::Place::new(Default::default(), mainstem_core::Seq(since))),
            };
            let now = log.state.progress().unwrap_or_default();
            prop_assert!((done..=1.0).contains(&now), "{done}, then {now}");
            done = now;
        }
        let picture = diagram.with_state(&log.state);
        prop_assert_eq!(picture.to_text().lines().count(), count(&every_shape()));
    }

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
