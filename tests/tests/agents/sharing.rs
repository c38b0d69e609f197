//! One agent, many runs: nothing crosses over, and a context serves one at a time.

use std::collections::BTreeSet;

use futures::StreamExt;
use mainstem::{Busy, Context, ErrorKind};
use mainstem_testkit::{Gate, Reply};
use mainstem_tests::{agent, server, server_with, together, within};

use mainstem_tests::watch::in_words;

/// 200 at a time: each takes two of the process's open files, the client's and the server's.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_runs_of_one_agent_keep_to_their_own_contexts() {
    const RUNS: usize = 1000;
    let server = server().await;
    server.respond_with(|request| {
        let said: Vec<_> = request
            .messages()
            .iter()
            .map(|message| message["content"].as_str().unwrap())
            .collect();
        Reply::text(["You said: ".to_owned(), said.join(" / ")]).chunk_size(50)
    });
    let agent = agent(&server);
    let runs = (0..RUNS).map(|n| {
        let agent = agent.clone();
        tokio::spawn(async move {
            let ctx = Context::new();
            let mut run = agent.run(format!("first {n}")).context(&ctx).stream();
            let mut text = String::new();
            while let Some(chunk) = run.next_text().await.unwrap() {
                text.push_str(&chunk);
            }
            assert_eq!(text, format!("You said: first {n}"));
            drop(run);
            let output = agent
                .run(format!("second {n}"))
                .context(&ctx)
                .await
                .unwrap()
                .output;
            assert_eq!(output, format!("You said: first {n} / {text} / second {n}"));
            assert_eq!(ctx.messages().len(), 4);
            n
        })
    });
    let limited = futures::stream::iter(runs).buffer_unordered(200);
    let done: BTreeSet<usize> = within(limited.map(Result::unwrap).collect()).await;
    assert_eq!(done.len(), RUNS);
    assert_eq!(server.requests().len(), 2 * RUNS);
}

#[tokio::test]
async fn runs_on_one_context_take_turns() {
    let gate = Gate::new();
    let first = Reply::stream()
        .content("One")
        .gate(&gate)
        .content("!")
        .finish("stop");
    let server = server_with([first, Reply::text(["Two"]), Reply::text(["Three"])]).await;
    let agent = agent(&server);
    let ctx = Context::new();
    let runs = ["1", "2", "3"].map(|input| agent.run(input).context(&ctx).into_future());
    let open = async {
        gate.arrived(1).await;
        // The others have been polled by now, and given every chance.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.requests().len(), 1);
        gate.open();
    };
    let (results, ()) = within(futures::future::join(futures::future::join_all(runs), open)).await;
    let outputs: Vec<_> = results
        .into_iter()
        .map(|result| result.unwrap().output)
        .collect();
    assert_eq!(outputs, ["One!", "Two", "Three"]);
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.messages().len())
        .collect();
    assert_eq!(
        sent,
        [1, 3, 5],
        "each began when the one before it was done"
    );
    let words = [
        "user: 1",
        "assistant: One!",
        "user: 2",
        "assistant: Two",
        "user: 3",
        "assistant: Three",
    ];
    assert_eq!(in_words(&ctx.messages()), words);
}

#[tokio::test]
async fn a_run_may_refuse_to_wait() {
    let gate = Gate::new();
    let server = server_with([
        Reply::stream().content("One").gate(&gate).finish("stop"),
        Reply::text(["Two"]),
    ])
    .await;
    let agent = agent(&server);
    let ctx = Context::new();
    let mut first = agent.run("1").context(&ctx).stream();
    assert_eq!(within(first.next_text()).await.unwrap().unwrap(), "One");
    let second = agent.run("2").context(&ctx).when_busy(Busy::Refuse);
    let error = within(second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.is_retryable());
    assert_eq!(server.requests().len(), 1);
    gate.open();
    assert_eq!(within(first).await.unwrap().output, "One");
    let second = agent.run("2").context(&ctx).when_busy(Busy::Refuse);
    assert_eq!(within(second).await.unwrap().output, "Two");
}

#[tokio::test]
async fn runs_on_contexts_of_their_own_do_not_wait() {
    let gate = Gate::new();
    let server = server().await;
    server.fallback(Reply::stream().content("Hello").gate(&gate).finish("stop"));
    let agent = agent(&server);
    let runs = (0..8).map(|_| agent.run("Hi").into_future());
    let open = async {
        gate.arrived(8).await;
        gate.open();
    };
    let (results, ()) = within(futures::future::join(together(8, runs), open)).await;
    assert!(
        results
            .into_iter()
            .all(|result| result.unwrap().output == "Hello")
    );
}
