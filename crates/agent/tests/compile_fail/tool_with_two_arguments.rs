use mainstem_agent::tool_fn;
use mainstem_core::StepResult;

async fn add(a: i64, b: i64) -> StepResult<i64> {
    Ok(a + b)
}

fn main() {
    let _ = tool_fn("add", "Adds.", add);
}
