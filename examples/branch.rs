//! A branch: what an agent makes of a letter decides which step answers it.
use mainstem::{by, prelude::*, test_util::ScriptedModel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Bug,
    Question,
    Praise,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Letter {
    kind: Kind,
    about: String,
}

async fn report(letter: Letter) -> StepResult<String> {
    Ok(format!("Reported: {}.", letter.about))
}

fn flow(reader: ScriptedModel, expert: ScriptedModel) -> anyhow::Result<Flow<String, String>> {
    let reader = Agent::builder(reader).output::<Letter>().build()?;
    let expert = Agent::builder(expert).build()?;
    // Every arm takes what the step before gives, and all give the same.
    let answer = by(|letter: &Letter| letter.kind)
        .arm(Kind::Bug, report)
        .arm(
            Kind::Question,
            expert.prompt(|letter: &Letter| letter.about.clone()),
        )
        .otherwise(|_: Letter| "Thank you!".to_owned());
    Ok(Flow::new("mail")
        .step("read", reader)
        .branch("answer", answer))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let reader = ScriptedModel::new()
        .answer([
            r#"{"kind": "bug", "#,
            r#""about": "the wren is drawn as a jay"}"#,
        ])
        .answer([
            r#"{"kind": "question", "#,
            r#""about": "Why are jays blue?"}"#,
        ])
        .answer([r#"{"kind": "praise", "about": "the pictures"}"#]);
    let expert = ScriptedModel::new().answer(["By the build ", "of their feathers."]);
    let flow = flow(reader, expert)?;
    println!("{}", flow.diagram());

    for letter in [
        "Your wren is a jay!",
        "Why are jays blue?",
        "Nice pictures.",
    ] {
        let answer = flow.run(letter).await?.output;
        println!("{letter} -> {answer}");
    }
    Ok(())
}
