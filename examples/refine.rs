//! Write, judge, rewrite: a loop that ends when the judge is content, or after three rounds.
use mainstem::{EventKind, StepPath, prelude::*, test_util::ScriptedModel, up_to};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Verdict {
    /// From 0 to 10.
    score: u8,
    advice: String,
}

/// What a round gives, and the next one takes.
#[derive(Debug, Serialize, Deserialize)]
struct Draft {
    text: String,
    verdict: Option<Verdict>,
}

impl Draft {
    fn request(&self) -> String {
        match &self.verdict {
            None => format!("Write a sentence about {}.", self.text),
            Some(verdict) => format!("Write it anew: {}", verdict.advice),
        }
    }

    fn is_good(&self) -> bool {
        self.verdict
            .as_ref()
            .is_some_and(|verdict| verdict.score >= 8)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = ScriptedModel::new()
        .answer(["Jays are ", "blue."])
        .answer([r#"{"score": 4, "#, r#""advice": "Say why."}"#])
        .answer([
            "Jays are blue ",
            "because of how their feathers ",
            "scatter light.",
        ])
        .answer([r#"{"score": 9, "#, r#""advice": "Leave it so."}"#]);
    // A thread of its own: the writer remembers what it wrote.
    let writer = Agent::builder(model.clone()).thread("drafts").build()?;
    let judge = Agent::builder(model)
        .name("judge")
        .output::<Verdict>()
        .build()?;

    let round = Flow::new("round")
        .step("write", writer.prompt(Draft::request))
        .parallel("check", (judge, named("text", |text: String| text)))
        .step("note", |(verdict, text): (Verdict, String)| Draft {
            text,
            verdict: Some(verdict),
        });
    let flow = Flow::<String>::new("refine")
        .step("begin", |topic: String| Draft {
            text: topic,
            verdict: None,
        })
        .repeat(
            "improve",
            up_to(3, round).until(Draft::is_good).or_keep_last(),
        )
        .step("end", |draft: Draft| draft.text);

    let mut run = flow.run_streamed("jays");
    let mut heading = StepPath::run();
    while let Some(event) = run.next_event().await {
        let said = match &event.kind {
            EventKind::StepStarted(_) => None,
            EventKind::TextDelta(delta) => Some(&delta.text),
            EventKind::JsonDelta(delta) => Some(&delta.text),
            _ => continue,
        };
        // Steps at the same time speak by turns: whoever goes on gets its heading again.
        if event.path != heading {
            println!("{}", event.path);
            heading = event.path.clone();
        }
        if let Some(text) = said {
            println!("    {text}");
        }
    }
    println!("\n{}", run.await?.output);
    Ok(())
}
