//! An agent takes a `String`; `agent.prompt(..)` makes it take the number.
use mainstem_agent::Agent;
use mainstem_flow::Flow;

fn guide(agent: Agent) -> Flow<String, String> {
    Flow::new("f")
        .step("count", |text: String| text.len())
        .step("write", agent)
}

fn main() {
    let _ = guide;
}
