//! What a request holds beside the instructions and the input.
#![allow(clippy::unwrap_used, clippy::panic)]

mod files;
mod history;
mod injection;
mod providers;
mod resume;
mod summary;

use mainstem_agent::{Agent, AgentBuilder};
use mainstem_core::{Context, Message, test_util::ScriptedModel};

/// A model that always says the same, and an agent on it.
fn agent() -> (ScriptedModel, AgentBuilder) {
    let model = ScriptedModel::new().always(["Yes."]);
    (model.clone(), Agent::builder(model))
}

/// The texts of the messages of a request.
fn sent(model: &ScriptedModel, request: usize) -> Vec<String> {
    let messages = &model.requests()[request].messages;
    messages.iter().map(Message::text).collect()
}

/// A conversation of so many turns.
fn talked(turns: usize) -> Context {
    let ctx = Context::new();
    for turn in 0..turns {
        ctx.add_user_message(format!("question {turn}"));
        ctx.add_message(Message::assistant(format!("answer {turn}")));
    }
    ctx
}
