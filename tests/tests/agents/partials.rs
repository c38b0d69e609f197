//! Row R5, where it doesn't: the partial text is in the error and in the context.

use mainstem::{Context, ErrorKind, FinishReason, Usage};
use mainstem_testkit::Reply;
use mainstem_tests::{agent, server_with, within};

use mainstem_tests::watch::in_words;

#[tokio::test]
async fn r5_a_failure_keeps_the_partial_text_usage_and_reason() {
    let reply = Reply::stream()
        .content("Half")
        .usage(3, 2)
        .finish("error")
        .error("overloaded");
    let server = server_with([reply]).await;
    let ctx = Context::new();
    let error = within(agent(&server).run("Hi").context(&ctx))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert_eq!(error.upstream().unwrap().message(), "overloaded");
    let partial = error.partial().unwrap();
    assert_eq!((&*partial.text, partial.usage), ("Half", Usage::new(3, 2)));
    assert_eq!(
        in_words(&ctx.messages()),
        ["user: Hi", "assistant, partial: Half"]
    );
    assert!(
        !format!("{error:?}{error}").contains("Half"),
        "it has to be asked for"
    );
}

#[tokio::test]
async fn r5_an_output_that_is_wrong_at_its_end_keeps_its_usage_and_reason() {
    let server = server_with([Reply::text([r#"{"eggs":"#, "5"])]).await;
    let agent = mainstem_tests::builder(&server)
        .output_schema(
            serde_json::json!({"type": "object", "properties": {"eggs": {"type": "integer"}}}),
        )
        .build()
        .unwrap();
    let error = within(agent.run("Hi")).await.unwrap_err();
    let partial = error.partial().unwrap();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert_eq!(partial.text, r#"{"eggs":5"#);
    assert_eq!(
        (partial.usage, partial.finish_reason.as_ref()),
        (Usage::new(3, 2), Some(&FinishReason::Stop))
    );
}

#[tokio::test]
async fn r5_a_stop_keeps_the_partial_text_in_the_error_and_in_the_context() {
    let server = server_with([Reply::stream().content("Ha").content("lf").stall()]).await;
    let ctx = Context::new();
    let mut run = agent(&server).run("Hi").context(&ctx).stream();
    for _ in 0..2 {
        within(run.next_text()).await.unwrap().unwrap();
    }
    run.stop();
    let error = within(run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().text, "Half");
    assert_eq!(
        in_words(&ctx.messages()),
        ["user: Hi", "assistant, partial: Half"]
    );
}
