use std::sync::Arc;

use mainstem::{Agent, Flow, Key, Model, Result, RunContext, StepResult};

use super::{Answering, Bundled};

pub(super) const BUNDLED: Bundled = Bundled {
    name: "guide",
    about: "a question is analyzed, answered, and the answer set",
    build,
};

/// What the question asks for, without the words around it.
const TOPIC: Key<String> = Key::new("topic");

fn build(model: &Arc<dyn Model>) -> Result<Answering> {
    let writer = Agent::builder(Arc::clone(model))
        .instructions("Be brief.")
        .build()?;
    Ok(Flow::new("guide")
        .step("analyze", analyze)
        .step("generate", writer)
        .step("format", format))
}

async fn analyze(ctx: RunContext, question: String) -> StepResult<String> {
    let words = question.trim_end_matches(['?', '.', '!', ' ']);
    let topic = words.rsplit(' ').next().unwrap_or(words);
    ctx.context().set(&TOPIC, &topic.to_owned())?;
    Ok(question)
}

async fn format(ctx: RunContext, answer: String) -> StepResult<String> {
    let topic = ctx.context().get(&TOPIC)?.unwrap_or_default();
    Ok(format!("{}\n\n{answer}", topic.to_uppercase()))
}
