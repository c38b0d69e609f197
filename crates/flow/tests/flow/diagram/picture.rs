//! What is drawn without a run.

use mainstem_agent::Agent;
use mainstem_core::{Step, test_util::ScriptedModel};
use mainstem_flow::{Diagram, Flow};

use super::{check_golden, every_shape};

#[test]
fn every_shape_is_drawn_as_in_the_golden_files() {
    let diagram = Diagram::new(&every_shape());
    check_golden("plan.txt", &diagram.to_text());
    check_golden("plan.mmd", &diagram.to_mermaid());
    assert_eq!(diagram.to_string(), diagram.to_text());
}

#[test]
fn an_agent_is_a_picture_of_one_step() {
    let agent = Agent::builder(ScriptedModel::new())
        .name("writer")
        .build()
        .unwrap();
    let diagram = Diagram::new(&Step::<String>::plan(&agent));
    assert_eq!(diagram.to_text(), "writer (agent)\n");
    assert_eq!(
        diagram.to_mermaid(),
        "flowchart TD
    s0([\"writer<br/>agent\"])
    classDef step fill:#f4f4f5,stroke:#71717a,color:#18181b
    class s0 step
"
    );
}

#[test]
fn a_flow_without_steps_is_drawn_too() {
    let flow: Flow<String> = Flow::new("nothing");
    assert_eq!(flow.diagram().to_text(), "nothing (flow)\n");
    assert!(flow.diagram().to_mermaid().contains("s0[\"nothing"));
}

#[test]
fn a_name_doesnt_command_the_terminal() {
    let flow = Flow::new("a\u{1b}[2J\nb").step("c\r\u{202e}d", |n: u32| n);
    assert_eq!(
        flow.diagram().to_text(),
        "a [2J b (flow)\n└─ c d (function)\n"
    );
}
