use mainstem_agent::tool_fn;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

async fn add(args: Add) -> i64 {
    args.a + args.b
}

fn main() {
    let _ = tool_fn("add", "Adds.", add);
}
