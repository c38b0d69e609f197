use mainstem_agent::tool_fn;

#[derive(serde::Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

fn main() {
    let _ = tool_fn("add", "Adds.", async |args: Add| Ok(args.a + args.b));
}
