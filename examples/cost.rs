//! What a chat costs, and a budget that ends it.
use mainstem::{Price, Prices, UsageLimits, prelude::*};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).build()?;
    let chat = Context::new();
    chat.set_prices(Prices::new().model("*", Price::per_million(1.25, 10.0)));
    chat.set_usage_limits(UsageLimits::new().cost(0.004).requests(20));

    for question in ["What is an agent?", "And a flow?", "And a context?"]
        .iter()
        .cycle()
    {
        println!("\n> {question}");
        match agent.run(*question).context(&chat).await {
            Ok(result) => {
                let about = if result.usage.estimated { "about " } else { "" };
                let tokens = result.usage.total_tokens();
                let cost = result.cost.unwrap_or_default();
                println!("{}", result.output.lines().next().unwrap_or_default());
                println!("({about}{tokens} tokens, {cost})");
            }
            Err(error) if error.code() == Some("usage_limit") => {
                println!("{error}");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    for used in chat.usage_by_model() {
        let (requests, tokens) = (used.usage.requests, used.usage.total_tokens());
        println!("\n{}: {requests} requests, {tokens} tokens", used.model);
    }
    println!("all in all: {}", chat.cost().unwrap_or_default());
    Ok(())
}
