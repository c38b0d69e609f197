//! An assistant with tools, in the terminal: `-- "How is the weather in Oslo?"` asks it something.
//!
//! It shows each call and its result. Before it sets a reminder, it asks.
use std::io::{BufRead, IsTerminal, Write, stdin, stdout};

use mainstem::{MemoryStore, Suspension, prelude::*};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    /// A city.
    city: String,
}

/// Made up: a real one would ask a service.
async fn weather(ctx: RunContext, place: Place) -> StepResult<String> {
    ctx.emit(mainstem::Progress::new("looking out of the window", 1))
        .await;
    let sky = ["clear", "cloudy", "rain"][place.city.len() % 3];
    Ok(format!("{}: {sky}, 14 °C", place.city))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Reminder {
    /// What to be reminded of.
    what: String,
}

fn assistant() -> anyhow::Result<Agent> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let remind = tool_fn("set_reminder", "Sets a reminder.", |it: Reminder| {
        format!("I'll remind you: {}", it.what)
    });
    let agent = Agent::builder(model)
        .name("assistant")
        .instructions("You help with everyday things. Use your tools.")
        .tool(tool_fn("weather", "Tells the weather of a city.", weather))
        .tool(remind.approve());
    Ok(agent.build()?)
}

/// Shows a run; gives what it asks, if it waits for somebody.
async fn show(mut run: RunStream<String>) -> anyhow::Result<Option<Suspension>> {
    while let Some(event) = run.next_event().await {
        match &event.kind {
            EventKind::ToolCallReady(call) => {
                println!("[{} {}]", call.name, call.arguments.as_str());
            }
            EventKind::Progress(progress) => println!("[… {}]", progress.label),
            EventKind::ToolResult(result) => match (&result.output, &result.error) {
                (Some(output), _) => println!("[= {}]", output.as_str()),
                (None, Some(error)) => println!("[! {}]", error.message),
                _ => {}
            },
            EventKind::TextDelta(delta) => {
                print!("{}", delta.text);
                stdout().flush()?;
            }
            _ => {}
        }
    }
    println!();
    Ok(run.outcome().await?.suspended())
}

/// Yes or no; yes, if nobody is there.
fn agree(prompt: &str) -> anyhow::Result<bool> {
    println!("{prompt} [y/n]");
    if !stdin().is_terminal() {
        return Ok(true);
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    Ok(line.trim().eq_ignore_ascii_case("y"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let assistant = assistant()?;
    let (store, ctx) = (MemoryStore::new(), Context::new());
    let mut questions: Vec<_> = std::env::args().skip(1).collect();
    if questions.is_empty() {
        questions = vec![
            "How is the weather in Oslo?".to_owned(),
            "Set a reminder: take an umbrella.".to_owned(),
        ];
    }
    for question in questions {
        println!("\n> {question}");
        let run = assistant.run(question).store(store.clone()).context(&ctx);
        let mut asked = show(run.stream()).await?;
        while let Some(mut suspension) = asked {
            for request in suspension.requests.clone() {
                suspension = match agree(&request.prompt)? {
                    true => suspension.answer(&request.id, &true)?,
                    false => suspension.refuse(&request.id, "not now")?,
                };
            }
            let run = assistant
                .resume(suspension)
                .store(store.clone())
                .context(&ctx);
            asked = show(run.stream()).await?;
        }
    }
    Ok(())
}
