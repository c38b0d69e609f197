use mainstem_agent::tool_fn;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
}

fn main() {
    let _ = tool_fn("add", "Adds.", async |args: Add| {
        let shared = std::rc::Rc::new(args.a);
        std::future::ready(()).await;
        Ok(*shared)
    });
}
