//! The page of faults.

use std::{fmt::Write, fs, path::PathBuf};

use mainstem_tests::together;

use crate::{
    cell::{Cell, Reader, play},
    fault::{Fault, all},
    policy::Policy,
};

const HEAD: &str = "\
# Faults

What becomes of an answer when something breaks, by what is broken, by policy, and by kind of reader. The
test `faults` plays each cell over real HTTP and writes this page; what the policies are is in
[recovery](recovery.md).

The answer is «Half of the answer.», in two pieces: *half* and *rest*; *all* is both in one piece. A fault
happens once: whoever asks again gets the answer, and who asks to go on gets the rest. (Where nobody
listens, nobody does the next time either.) **void** is a `Retracted`: what came before it doesn't count.
*end* is a finished run, ✗ a failed one with its kind of error. Billed are tokens in + out: those that the
provider told, 3 + 1 for each piece; with ≈ some are estimated, because an attempt that broke off told none.

| policy | what it is |
|---|---|
| none | the model alone |
| retry | `Recovery::of(model)`, which tries three times, and never after the first piece |
| continue | the same `.when_cut(WhenCut::Continue)` |
| restart | the same `.when_cut(WhenCut::Restart)` |
| hold | the same `.when_cut(WhenCut::Hold)` |
| another model | continue, one attempt, then `.fallback(other)` |
| no streaming | continue, one attempt, then `.fallback(model.without_streaming())` |

For every cell the test asserts that nothing delivered is missing from the context or from the error's
partial text, and that nothing is delivered twice without a **void**.
";

/// Each fault and policy, for both readers.
async fn played(faults: &[Fault]) -> Vec<[Cell; 2]> {
    let cells = faults.iter().enumerate().flat_map(|(row, fault)| {
        let both = move |(column, policy): (usize, Policy)| async move {
            let events = play(fault, policy, Reader::Events).await;
            let text = play(fault, policy, Reader::Text).await;
            ((row, column), [events, text])
        };
        Policy::ALL.into_iter().enumerate().map(both)
    });
    let mut cells = together(16, cells).await;
    cells.sort_by_key(|(place, _)| *place);
    cells.into_iter().map(|(_, cells)| cells).collect()
}

/// What both readers have in common is said once.
fn same(events: &str, text: &str) -> String {
    match events == text {
        true => events.to_owned(),
        false => format!("{events}; text: {text}"),
    }
}

fn page(faults: &[Fault], cells: &[[Cell; 2]]) -> String {
    let mut page = HEAD.to_owned();
    for (fault, cells) in faults.iter().zip(cells.chunks(Policy::ALL.len())) {
        let name = fault.name;
        let columns =
            "policy | a reader of events | a reader of text | the context | requests | billed";
        write!(
            page,
            "\n## {name}\n\n| {columns} |\n|---|---|---|---|---|---|\n"
        )
        .unwrap();
        for (policy, [events, text]) in Policy::ALL.iter().zip(cells) {
            let common = [
                same(&events.context, &text.context),
                same(&events.requests, &text.requests),
                same(&events.billed, &text.billed),
            ];
            let (name, common) = (policy.name(), common.join(" | "));
            writeln!(
                page,
                "| {name} | {} | {} | {common} |",
                events.saw, text.saw
            )
            .unwrap();
        }
        if fault.is_typed {
            page.push_str(
                "\nThat is no failure of the model's server, but of its words: it is the agent that asks \
                 again\n([`output_attempts`](agents.md)), and no layer around the model.\n",
            );
        }
    }
    page
}

/// The page must be what `docs/NAME` has; `UPDATE_GOLDEN=1` writes it anew.
pub(crate) fn golden(name: &str, change: impl FnOnce(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let made = change(&kept);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &made).unwrap();
    } else {
        assert_eq!(
            made, kept,
            "docs/{name} differs; UPDATE_GOLDEN=1 writes it anew"
        );
    }
}

#[tokio::test]
async fn w13_every_fault_by_every_policy_for_both_readers() {
    let faults = all();
    let cells = played(&faults).await;
    golden("faults.md", |_| page(&faults, &cells));
}
