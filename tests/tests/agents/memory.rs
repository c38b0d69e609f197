//! Row R4: what was said is remembered in the context, streamed or not.

use mainstem::Context;
use mainstem_testkit::Reply;
use mainstem_tests::{agent, builder, server_with, within};
use serde_json::json;

use mainstem_tests::watch::in_words;

fn two_answers() -> [Reply; 2] {
    [Reply::text(["I am ", "a jay."]), Reply::text(["Acorns."])]
}

#[tokio::test]
async fn r4_the_second_request_holds_the_first_exchange() {
    let server = server_with(two_answers()).await;
    let agent = builder(&server).instructions("Be a bird.").build().unwrap();
    let ctx = Context::new();
    within(agent.run("Who are you?").context(&ctx))
        .await
        .unwrap();
    within(agent.run("What do you eat?").context(&ctx))
        .await
        .unwrap();
    assert_eq!(
        server.requests()[1].body["messages"],
        json!([
            {"role": "system", "content": "Be a bird."},
            {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": "I am a jay."},
            {"role": "user", "content": "What do you eat?"},
        ])
    );
    let words = in_words(&ctx.messages());
    assert_eq!(
        words,
        [
            "user: Who are you?",
            "assistant: I am a jay.",
            "user: What do you eat?",
            "assistant: Acorns."
        ]
    );
}

#[tokio::test]
async fn r4_a_streamed_run_remembers_too() {
    let server = server_with(two_answers()).await;
    let agent = agent(&server);
    let ctx = Context::new();
    for input in ["Who are you?", "What do you eat?"] {
        let mut run = agent.run(input).context(&ctx).stream();
        while within(run.next_text()).await.unwrap().is_some() {}
        // Not awaited: the answer is stored by the end of the stream.
        drop(run);
    }
    assert_eq!(server.requests()[1].messages().len(), 3);
    assert_eq!(server.requests()[1].messages()[1]["content"], "I am a jay.");
    assert_eq!(in_words(&ctx.messages())[3], "assistant: Acorns.");
}

#[tokio::test]
async fn r4_runs_without_a_context_forget() {
    let server = server_with(two_answers()).await;
    let agent = agent(&server);
    for input in ["Who are you?", "What do you eat?"] {
        let result = within(agent.run(input)).await.unwrap();
        assert_eq!(result.messages.len(), 2);
    }
    assert_eq!(server.requests()[1].messages().len(), 1);
}

#[tokio::test]
async fn r4_a_partial_answer_is_sent_as_what_was_said() {
    let server = server_with([
        Reply::stream().content("I am a j").cut(),
        Reply::text(["Acorns."]),
    ])
    .await;
    let agent = agent(&server);
    let ctx = Context::new();
    within(agent.run("Who are you?").context(&ctx))
        .await
        .unwrap_err();
    within(agent.run("Go on.").context(&ctx)).await.unwrap();
    assert_eq!(
        server.requests()[1].body["messages"],
        json!([
            {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": "I am a j"},
            {"role": "user", "content": "Go on."},
        ])
    );
}

#[tokio::test]
async fn r4_a_question_that_failed_is_not_doubled_when_it_is_asked_again() {
    let server = server_with([Reply::error_status(500, "oh"), Reply::text(["Acorns."])]).await;
    let agent = agent(&server);
    let ctx = Context::new();
    within(agent.run("What do you eat?").context(&ctx))
        .await
        .unwrap_err();
    within(agent.run("What do you eat?").context(&ctx))
        .await
        .unwrap();
    assert_eq!(server.requests()[1].messages().len(), 1);
    assert_eq!(
        in_words(&ctx.messages()),
        ["user: What do you eat?", "assistant: Acorns."]
    );
}

#[tokio::test]
async fn r4_the_same_question_after_an_answer_is_a_question_again() {
    let server = server_with(two_answers()).await;
    let agent = agent(&server);
    let ctx = Context::new();
    for _ in 0..2 {
        within(agent.run("And?").context(&ctx)).await.unwrap();
    }
    assert_eq!(server.requests()[1].messages().len(), 3);
    assert_eq!(ctx.messages().len(), 4);
}

#[tokio::test]
async fn r4_an_agent_with_a_thread_of_its_own_does_not_touch_the_main_one() {
    let server = server_with(two_answers()).await;
    let ctx = Context::new();
    ctx.add_user_message("Of the main one.");
    let agent = builder(&server).thread("aside").build().unwrap();
    for input in ["a", "b"] {
        within(agent.run(input).context(&ctx)).await.unwrap();
    }
    assert_eq!(in_words(&ctx.messages()), ["user: Of the main one."]);
    assert_eq!(ctx.thread("aside").messages().len(), 4);
    assert_eq!(server.requests()[1].messages().len(), 3);
}
