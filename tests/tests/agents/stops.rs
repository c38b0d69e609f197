//! Stopping a run closes the model's connection, whether or not anybody reads.

use std::time::Instant;

use futures::StreamExt;
use mainstem::{CancelledBy, Context, ErrorKind, EventKind};
use mainstem_testkit::{Gate, Reply};
use mainstem_tests::watch::in_words;
use mainstem_tests::{agent, server_with, within};

use crate::drops::{check_closed, read_until};

fn stalled() -> Reply {
    Reply::stream().role().content("Ha").content("lf").stall()
}

#[tokio::test]
async fn a_stopped_run_closes_its_connection_and_ends_as_cancelled() {
    let server = server_with([stalled()]).await;
    let ctx = Context::new();
    let mut run = agent(&server).run("Hi").context(&ctx).stream();
    read_until(&mut run, "Half").await;
    let now = Instant::now();
    run.stop();
    // Nobody polls it meanwhile.
    check_closed(&server, now).await;
    let last = within(run.next()).await.unwrap();
    let EventKind::RunCancelled(end) = &last.kind else {
        panic!("{last:?}")
    };
    assert_eq!(end.by, CancelledBy::Stop);
    assert_eq!(end.partial.as_ref().unwrap().text, "Half");
    assert!(within(run.next()).await.is_none());
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().text, "Half");
    assert_eq!(
        in_words(&ctx.messages()),
        ["user: Hi", "assistant, partial: Half"]
    );
    assert!(ctx.messages().last().unwrap().partial);
}

#[tokio::test]
async fn a_stop_from_another_task_ends_a_reader_that_waits() {
    let gate = Gate::new();
    let server = server_with([Reply::stream().content("Half").gate(&gate)]).await;
    let mut run = agent(&server).run_streamed("Hi");
    let handle = run.stop_handle();
    let arrived = gate.clone();
    let stopper = tokio::spawn(async move {
        arrived.arrived(1).await;
        let now = Instant::now();
        handle.stop_by(CancelledBy::Disconnect);
        now
    });
    let mut text = String::new();
    let error = loop {
        match within(run.next_text()).await {
            Ok(piece) => text.push_str(&piece.unwrap()),
            Err(error) => break error,
        }
    };
    check_closed(&server, stopper.await.unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(
        error.partial().unwrap().text,
        text,
        "what was shown is what is kept"
    );
    assert!(error.message().contains("disconnect"), "{error}");
}

/// The reader is far behind: what it has not taken by then is not in the partial text either.
#[tokio::test]
async fn a_run_that_is_stopped_far_ahead_of_its_reader_keeps_what_is_shown() {
    let server = server_with([Reply::endless("x").chunk_size(10_000)]).await;
    let ctx = Context::new();
    let mut run = agent(&server).run("Hi").context(&ctx).stream();
    let mut text = within(run.next_text()).await.unwrap().unwrap().to_string();
    let now = Instant::now();
    run.stop();
    check_closed(&server, now).await;
    let error = loop {
        match within(run.next_text()).await {
            Ok(piece) => text.push_str(&piece.unwrap()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.partial().unwrap().text, text);
    assert_eq!(
        in_words(&ctx.messages())[1],
        format!("assistant, partial: {text}")
    );
}

#[tokio::test]
async fn a_stop_while_waiting_for_an_answer_closes_the_connection() {
    for reply in [Reply::silent(), Reply::stream().stall()] {
        let server = server_with([reply]).await;
        let ctx = Context::new();
        let mut run = agent(&server).run("Hi").context(&ctx).stream();
        let handle = run.stop_handle();
        let stop = async {
            server.requested(0).await;
            let now = Instant::now();
            handle.stop();
            now
        };
        let (error, now) = within(futures::future::join(run.next_text(), stop)).await;
        check_closed(&server, now).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(in_words(&ctx.messages()), ["user: Hi"]);
    }
}

#[tokio::test]
async fn a_callback_stops_the_run_it_watches() {
    let server = server_with([stalled()]).await;
    let handle = std::sync::Arc::new(std::sync::OnceLock::<mainstem::StopHandle>::new());
    let late = std::sync::Arc::clone(&handle);
    let run = agent(&server)
        .run("Hi")
        .on_chunk(move |_| late.get().unwrap().stop())
        .stream();
    handle.set(run.stop_handle()).unwrap();
    let error = within(run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().text, "Ha");
    within(server.disconnected(0)).await;
}

#[tokio::test]
async fn the_next_run_of_a_context_begins_after_a_stopped_one_that_nobody_reads() {
    let server = server_with([stalled(), Reply::text(["Hello"])]).await;
    let agent = agent(&server);
    let ctx = Context::new();
    let mut run = agent.run("Hi").context(&ctx).stream();
    read_until(&mut run, "Half").await;
    run.stop();
    let result = within(agent.run("Again").context(&ctx)).await.unwrap();
    assert_eq!(result.output, "Hello");
    drop(run);
}
