//! A router: a model says who answers a letter, and a branch takes it there.
use std::io::Write;

use mainstem::{EventKind, by_step, prelude::*, test_util::ScriptedModel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Desk {
    /// Invoices, payments and refunds.
    Billing,
    /// Anything that doesn't work.
    Tech,
    /// Everything else.
    Reception,
}

fn flow(router: ScriptedModel, expert: ScriptedModel) -> anyhow::Result<Flow<String>> {
    let router = Agent::builder(router)
        .name("router")
        .instructions("Say who should answer the customer.")
        .output_attempts(2)
        .route::<Desk>()
        .reasoned()
        .build()?;
    let expert = Agent::builder(expert).name("expert").build()?;
    let desk = by_step(router)
        .arm(Desk::Billing, |_: String| "You get it back.".to_owned())
        .arm(Desk::Tech, expert)
        .arm(Desk::Reception, |_: String| "Thank you!".to_owned());
    let flow = Flow::new("desk").branch("where", desk);
    // A destination without an arm would be found here.
    flow.check()?;
    Ok(flow)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let router = ScriptedModel::new()
        .answer([
            r#"{"reason": "It is about money.", "#,
            r#""to": "billing"}"#,
        ])
        // No such desk: the model is asked again, and no arm is taken by mistake.
        .answer([r#"{"reason": "A lamp.", "to": "lamps"}"#])
        .answer([r#"{"reason": "A lamp doesn't work.", "to": "tech"}"#]);
    let expert = ScriptedModel::new().answer(["Is it ", "plugged in?"]);
    let flow = flow(router, expert)?;

    for letter in ["You charged me twice!", "My lamp is dark."] {
        println!("\n> {letter}");
        let mut run = flow.run_streamed(letter);
        while let Some(event) = run.next_event().await {
            match &event.kind {
                EventKind::Decided(decided) => {
                    println!("  {} decides {}", event.path, decided.value.as_str());
                }
                EventKind::Retracted(retracted) => println!("  {}", retracted.reason),
                EventKind::TextDelta(delta) => print!("{}", delta.text),
                _ => {}
            }
            std::io::stdout().flush()?;
        }
        println!("\n= {}", run.await?.output);
    }
    Ok(())
}
