//! Branches over real sockets: what happens to their connections.

use std::time::{Duration, Instant};

use mainstem::{ErrorKind, Flow, named};
use mainstem_testkit::{Gate, Reply, ScriptedServer};
use mainstem_tests::{agent, server_with, within};

const AT_ONCE: Duration = Duration::from_millis(100);

/// Three agents, each on a server that says a piece and then stalls.
async fn three() -> ([ScriptedServer; 3], Flow<String, (String, String, String)>) {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(server_with([Reply::stream().content("piece").stall()]).await);
    }
    let Ok(servers) = <[_; 3]>::try_from(servers) else {
        panic!("three servers");
    };
    let [a, b, c] = &servers;
    let flow = Flow::new("guide").parallel("views", (agent(a), agent(b), agent(c)));
    (servers, flow)
}

async fn check_closed(servers: &[ScriptedServer], since: Instant) {
    for server in servers {
        let seen = within(server.disconnected(0)).await;
        let took = seen.at.saturating_duration_since(since);
        assert!(took < AT_ONCE, "it took {took:?}");
        within(server.until_active(0)).await;
    }
}

#[tokio::test]
async fn dropping_a_run_in_a_parallel_step_closes_every_upstream_socket() {
    let (servers, flow) = three().await;
    let mut run = flow.run_streamed("jays");
    for _ in 0..3 {
        assert_eq!(within(run.next_text()).await.unwrap().unwrap(), "piece");
    }
    let now = Instant::now();
    drop(run);
    check_closed(&servers, now).await;
}

#[tokio::test]
async fn stopping_it_does_so_too_even_if_nobody_polls() {
    let (servers, flow) = three().await;
    let mut run = flow.run_streamed("jays");
    for _ in 0..3 {
        within(run.next_text()).await.unwrap();
    }
    let now = Instant::now();
    run.stop();
    check_closed(&servers, now).await;
    let error = within(run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().text, "piecepiecepiece");
}

#[tokio::test]
async fn a_failing_branch_closes_its_siblings_sockets() {
    let gate = Gate::new();
    let stalls = server_with([Reply::stream().content("piece").stall()]).await;
    let fails = server_with([Reply::stream()
        .content("half")
        .gate(&gate)
        .error("overloaded")])
    .await;
    let flow = Flow::new("guide").parallel(
        "views",
        (
            named("stalls", agent(&stalls)),
            named("fails", agent(&fails)),
        ),
    );
    let mut run = flow.run_streamed("jays");
    let mut shown = Vec::new();
    for _ in 0..2 {
        shown.push(within(run.next_text()).await.unwrap().unwrap());
    }
    shown.sort_unstable();
    assert_eq!(shown, ["half", "piece"]);
    gate.open();
    let error = within(run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert_eq!(error.step().unwrap().to_string(), "guide/views[1]/fails");
    within(stalls.disconnected(0)).await;
    within(stalls.until_active(0)).await;
    assert_eq!((stalls.requests().len(), fails.requests().len()), (1, 1));
}
