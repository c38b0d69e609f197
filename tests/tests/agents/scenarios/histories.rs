//! Contexts in which something was said before.

use mainstem::{ErrorKind, Message};
use mainstem_testkit::Reply;
use serde_json::json;

use super::{
    End::{Failed, Output},
    Scenario, half, row,
};

pub(super) fn rows() -> Vec<Scenario> {
    let hello = || Reply::text(["Hel", "lo"]);
    let mut history = row(
        "with a history",
        hello(),
        Output(json!("Hello")),
        &[
            "user: Who?",
            "assistant: Me.",
            "user: Hi",
            "assistant: Hello",
        ],
    );
    history.history = |ctx| {
        ctx.add_user_message("Who?");
        ctx.add_message(Message::assistant("Me."));
    };
    let mut by_hand = row(
        "a message by hand",
        hello(),
        Output(json!("Hello")),
        &["user: Hi", "assistant: Hello"],
    );
    by_hand.history = |ctx| ctx.add_user_message("Hi");
    let mut other = row(
        "another message by hand",
        hello(),
        Output(json!("Hello")),
        &["user: Who?", "user: Hi", "assistant: Hello"],
    );
    other.history = |ctx| ctx.add_user_message("Who?");
    let mut failed = row(
        "a failure with a history",
        half().cut(),
        Failed(ErrorKind::Truncated, "Half"),
        &["system: Be brief.", "user: Hi", "assistant, partial: Half"],
    );
    failed.history = |ctx| ctx.add_message(Message::system("Be brief."));
    vec![history, by_hand, other, failed]
}
