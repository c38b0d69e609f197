//! Row R5, where all goes well: the full text at the end.

use mainstem::{FinishReason, Usage};
use mainstem_testkit::Reply;
use mainstem_tests::{agent, server_with, within};

use mainstem_tests::watch::in_words;

#[tokio::test]
async fn r5_the_result_has_the_full_text_usage_reason_and_messages() {
    let pieces: Vec<String> = (0..500).map(|n| format!("{n} ")).collect();
    let server = server_with([Reply::text(pieces.clone())]).await;
    let mut run = agent(&server).run_streamed("Count.");
    let mut text = String::new();
    while let Some(chunk) = within(run.next_text()).await.unwrap() {
        text.push_str(&chunk);
    }
    let result = run.await.unwrap();
    assert_eq!(result.output, pieces.concat());
    assert_eq!(result.output, text);
    assert_eq!(result.usage, Usage::new(3, 500));
    assert_eq!(result.finish_reason, Some(FinishReason::Stop));
    assert_eq!(
        in_words(&result.messages),
        ["user: Count.".to_owned(), format!("assistant: {text}")]
    );
}
