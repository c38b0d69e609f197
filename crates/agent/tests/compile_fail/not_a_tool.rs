use mainstem_agent::Agent;
use mainstem_core::test_util::ScriptedModel;

fn add(a: i64) -> i64 {
    a + 1
}

fn main() {
    let _ = Agent::builder(ScriptedModel::new()).tool(add);
}
