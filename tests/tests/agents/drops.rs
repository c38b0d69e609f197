//! Drop is cancel: the model's connection closes at once.

use std::time::{Duration, Instant};

use mainstem::{Context, RunStream};
use mainstem_testkit::{Gate, Reply, ScriptedServer};
use mainstem_tests::{agent, server_with, within};

use mainstem_tests::watch::in_words;

const AT_ONCE: Duration = Duration::from_millis(100);

/// The server must see within 100 ms that its client has left.
pub(crate) async fn check_closed(server: &ScriptedServer, since: Instant) {
    let seen = within(server.disconnected(0)).await;
    let took = seen.at.saturating_duration_since(since);
    assert!(took < AT_ONCE, "it took {took:?}");
    within(server.until_active(0)).await;
}

/// Reads the run's text until this has come.
pub(crate) async fn read_until(run: &mut RunStream<String>, text: &str) {
    let mut read = String::new();
    while read != text {
        read.push_str(&within(run.next_text()).await.unwrap().unwrap());
        assert!(text.starts_with(&read), "{read}");
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_in_mid_stream_closes_its_connection() {
    let gate = Gate::new();
    for reply in [
        Reply::stream().content("Ha").content("lf").stall(),
        Reply::stream()
            .content("Ha")
            .content("lf")
            .gate(&gate)
            .content("NO"),
        Reply::stream()
            .content("Half")
            .repeat("NO", 1_000)
            .every(Duration::from_millis(20)),
    ] {
        let server = server_with([reply]).await;
        let ctx = Context::new();
        let mut run = agent(&server).run("Hi").context(&ctx).stream();
        read_until(&mut run, "Half").await;
        let now = Instant::now();
        drop(run);
        check_closed(&server, now).await;
        assert_eq!(
            in_words(&ctx.messages()),
            ["user: Hi", "assistant, partial: Half"]
        );
    }
}

#[tokio::test]
async fn each_view_of_a_run_closes_the_connection_with_it() {
    let views: [fn(RunStream<String>); 3] = [
        |run| drop(run.text()),
        |run| drop(run.chunks_batched(3, Duration::from_secs(60))),
        |run| drop(run.into_future()),
    ];
    for view in views {
        let server = server_with([Reply::stream().content("Half").stall()]).await;
        let mut run = agent(&server).run_streamed("Hi");
        read_until(&mut run, "Half").await;
        let now = Instant::now();
        view(run);
        check_closed(&server, now).await;
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_while_it_waits_for_an_answer_closes_its_connection() {
    for reply in [
        Reply::silent(),
        Reply::stream().stall(),
        Reply::stream().comment("hi").stall(),
    ] {
        let server = server_with([reply]).await;
        let mut run = agent(&server).run_streamed("Hi");
        tokio::select! {
            text = run.next_text() => panic!("{text:?}"),
            _ = within(server.requested(0)) => {}
        }
        let now = Instant::now();
        drop(run);
        check_closed(&server, now).await;
    }
}

/// A timeout around a run, as applications write it.
#[tokio::test]
async fn an_awaited_run_that_is_dropped_closes_its_connection() {
    let server = server_with([Reply::stream().content("Half").stall()]).await;
    let ctx = Context::new();
    let run = agent(&server).run("Hi").context(&ctx).into_future();
    tokio::select! {
        result = run => panic!("{result:?}"),
        _ = within(server.requested(0)) => {}
    }
    check_closed(&server, Instant::now()).await;
    assert_eq!(in_words(&ctx.messages())[0], "user: Hi");
}

#[tokio::test]
async fn a_task_that_is_aborted_closes_its_runs_connection() {
    let gate = Gate::new();
    let server = server_with([Reply::stream().content("Half").gate(&gate)]).await;
    let agent = agent(&server);
    let task = tokio::spawn(async move { agent.run("Hi").await });
    within(gate.arrived(1)).await;
    let now = Instant::now();
    task.abort();
    check_closed(&server, now).await;
}

#[tokio::test]
async fn the_next_run_of_a_context_begins_after_a_dropped_one() {
    let server = server_with([
        Reply::stream().content("Half").stall(),
        Reply::text(["Hello"]),
    ])
    .await;
    let agent = agent(&server);
    let ctx = Context::new();
    let mut run = agent.run("Hi").context(&ctx).stream();
    read_until(&mut run, "Half").await;
    drop(run);
    let result = within(agent.run("Again").context(&ctx)).await.unwrap();
    assert_eq!(result.output, "Hello");
    assert_eq!(server.requests()[1].messages().len(), 3);
}

#[tokio::test]
async fn a_run_that_is_never_polled_sends_nothing() {
    let server = server_with([]).await;
    drop(agent(&server).run("Hi"));
    drop(agent(&server).run_streamed("Hi"));
    assert_eq!((server.connections(), server.requests().len()), (0, 0));
}
