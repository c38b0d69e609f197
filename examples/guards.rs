//! Guards: an input that isn't taken, an answer that is stopped before the word, and one that is held.
use mainstem::{
    ForbiddenText, GuardRefusal, InputGuard, MaxLength, OutputGuard, Text, Verdict, prelude::*,
    test_util::ScriptedModel,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = ScriptedModel::new()
        .answer(["Good morning, ", "Ms L."])
        .answer(["The project is called blue", "jay, and ", "it is late."]);
    let mask = InputGuard::rewriting("mask", |input: Text| input.replace("Lovelace", "L."));
    let polite = OutputGuard::whole("polite", async |answer: Text| {
        Ok(Verdict::refuse_if(
            answer.contains("fool"),
            "it isn't polite",
        ))
    });
    let builder = Agent::builder(model)
        .guard_input(MaxLength::chars(60))
        .guard_input(mask)
        .guard_output(ForbiddenText::new("code_names", ["bluejay", "wren"]));
    let agent = builder.build()?;
    for question in [
        "Good morning! I am Ada Lovelace.",
        "What is the project called?",
        "Please read all of this, which is much more than anybody would ever want to read.",
    ] {
        ask(&agent, question).await?;
    }
    let held = ScriptedModel::new().answer(["You fool, ", "of course not."]);
    let held = Agent::builder(held).guard_output(polite).build()?;
    ask(&held, "Is it late?").await
}

async fn ask(agent: &Agent, question: &str) -> anyhow::Result<()> {
    println!("> {question}");
    let mut run = agent.run_streamed(question);
    loop {
        match run.next_text().await {
            Ok(Some(chunk)) => print!("{chunk}"),
            Ok(None) => break println!(),
            Err(error) => match GuardRefusal::of(&error) {
                Some(refusal) => break println!("[{error}: {refusal}]"),
                None => return Err(error.into()),
            },
        }
    }
    Ok(())
}
