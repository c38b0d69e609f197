//! How much of the conversation is sent.

use mainstem_agent::{Agent, tool_fn};
use mainstem_core::{Context, ErrorKind, Message, Role, RoughTokens, test_util::ScriptedModel};

use super::{agent, sent, talked};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[tokio::test]
async fn whole_turns_are_left_out_the_oldest_first() {
    let (model, builder) = agent();
    let ctx = talked(3);
    let agent = builder
        .max_history_messages(3)
        .instructions("Be brief.")
        .build()
        .unwrap();
    agent.run("now").context(&ctx).await.unwrap();
    assert_eq!(sent(&model, 0), ["question 2", "answer 2", "now"]);
    assert_eq!(
        model.requests()[0].instructions.as_deref(),
        Some("Be brief.")
    );
    assert_eq!(ctx.messages().len(), 8, "the context keeps all of it");
}

#[tokio::test]
async fn by_tokens_the_question_stays_whatever_its_size() {
    let (model, builder) = agent();
    let ctx = talked(2);
    let agent = builder
        .token_counter(RoughTokens)
        .max_history_tokens(1)
        .build()
        .unwrap();
    let long = "why? ".repeat(100);
    agent.run(&*long).context(&ctx).await.unwrap();
    assert_eq!(sent(&model, 0), [&*long]);
    // A message is 4 tokens and its words: these turns are 7 and 7 tokens.
    let (model, builder) = super::agent();
    let agent = builder
        .token_counter(RoughTokens)
        .max_history_tokens(14)
        .build()
        .unwrap();
    agent.run("now").context(&talked(2)).await.unwrap();
    assert_eq!(sent(&model, 0), ["question 1", "answer 1", "now"]);
}

#[tokio::test]
async fn a_call_and_its_result_stay_together() {
    let model = ScriptedModel::new()
        .calls([("find", serde_json::json!({}))])
        .answer(["Found."])
        .answer(["Yes."]);
    let find = tool_fn("find", "", |_: Nothing| "a jay");
    let agent = Agent::builder(model.clone()).tool(find);
    let agent = agent.max_history_messages(3).build().unwrap();
    let ctx = Context::new();
    agent.run("Find!").context(&ctx).await.unwrap();
    assert_eq!(
        model.requests()[1].messages.len(),
        3,
        "what the run itself adds is sent"
    );
    agent.run("And?").context(&ctx).await.unwrap();
    assert_eq!(
        sent(&model, 2),
        ["And?"],
        "a turn of four messages is left out whole"
    );
    assert_eq!(ctx.messages().len(), 6);
}

#[tokio::test]
async fn messages_of_the_system_stay() {
    let (model, builder) = agent();
    let ctx = Context::new();
    ctx.add_message(Message::system("Speak French."));
    for message in &talked(2).messages() {
        ctx.add_message(message.clone());
    }
    let agent = builder.max_history_messages(3).build().unwrap();
    agent.run("now").context(&ctx).await.unwrap();
    assert_eq!(
        sent(&model, 0),
        ["Speak French.", "question 1", "answer 1", "now"]
    );
}

#[tokio::test]
async fn a_question_that_was_added_by_hand_is_no_history() {
    let (model, builder) = agent();
    let ctx = talked(1);
    ctx.add_user_message("now");
    let agent = builder.max_history_messages(2).build().unwrap();
    agent.run("now").context(&ctx).await.unwrap();
    assert_eq!(sent(&model, 0), ["question 0", "answer 0", "now"]);
    let roles: Vec<_> = ctx.messages().iter().map(|it| it.role).collect();
    assert_eq!(roles[2..], [Role::User, Role::Assistant]);
}

#[tokio::test]
async fn none_of_it_is_a_limit_too() {
    let (model, builder) = agent();
    let agent = builder.max_history_messages(0).build().unwrap();
    agent.run("now").context(&talked(2)).await.unwrap();
    assert_eq!(sent(&model, 0), ["now"]);
}

#[test]
fn tokens_need_a_counter() {
    let (_, builder) = agent();
    let error = builder.max_history_tokens(5).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("`token_counter`"), "{error}");
}
