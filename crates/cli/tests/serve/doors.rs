//! Who may do what, by options.

use std::time::Duration;

use mainstem::models::reqwest::Method;
use serde_json::{Value, json};

use crate::program::{Program, done, serve, soon, text};

#[tokio::test]
async fn a_token_is_asked_for() {
    let program = Program::with_token("a-secret", &[]).await;
    let asks = json!({"run": "echo", "input": "a jay", "wire": "text"});
    assert_eq!(text(program.start_run(&asks).await).await, "a jay");
    let nobody = program.without_token();
    assert_eq!(nobody.post("/runs", &asks).await.status(), 401);
    assert!(!program.banner.contains("a-secret"));
}

#[tokio::test]
async fn lists_and_metrics_are_closed_unless_opened() {
    let closed = Program::start(&[]).await;
    assert_eq!(closed.get("/runs").await.status(), 403);
    assert_eq!(closed.get("/metrics").await.status(), 403);
    let open = Program::start(&["--open-lists", "--open-metrics"]).await;
    let run = open.detached("echo", json!("a jay")).await;
    let list = text(open.get("/runs").await).await;
    assert!(list.contains(&run), "{list}");
    assert!(text(open.get("/metrics").await).await.contains("mainstem"));
}

#[tokio::test]
async fn names_and_pages_are_refused_unless_allowed() {
    let of = async |program: &Program, header: &str, value: &str| {
        let request = program.request(Method::GET, "/runs/none");
        let request = request.header(header, value);
        soon(request.send()).await.unwrap().status().as_u16()
    };
    let closed = Program::start(&[]).await;
    assert_eq!(of(&closed, "host", "jays.example").await, 403);
    assert_eq!(of(&closed, "origin", "https://jays.example").await, 403);
    let options = [
        "--allow-host",
        "jays.example",
        "--allow-origin",
        "https://jays.example",
    ];
    let open = Program::start(&options).await;
    assert_eq!(of(&open, "host", "jays.example").await, 404);
    assert_eq!(of(&open, "origin", "https://jays.example").await, 404);
}

#[tokio::test]
async fn what_can_be_no_name_or_page_is_bad_usage() {
    for (option, value, mend) in [
        ("--allow-origin", "*", "name each site by itself"),
        ("--allow-origin", "x.org", "write `https://x.org`"),
        ("--allow-host", "http://z.org/", "write `z.org`"),
        ("--trust-proxy", "proxy.local", "write `10.0.0.7`"),
    ] {
        let (code, told) = done(serve(&[option, value])).await;
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(mend) && told.contains(option), "{told}");
        assert_eq!(told.trim().lines().count(), 1, "{told}");
    }
}

#[tokio::test]
async fn runs_are_limited() {
    for option in ["--max-runs", "--max-runs-per-client"] {
        let program = Program::start(&[option, "1"]).await;
        let hangs = json!({"text": "jays", "fault": "hang"});
        program.detached("echo", hangs.clone()).await;
        let body = json!({"run": "echo", "input": hangs, "detach": true});
        let refused = program.post("/runs", &body).await.status();
        assert!(
            [429, 503].contains(&refused.as_u16()),
            "{option}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_is_trusted_says_whose_a_run_is() {
    let one = ["--max-runs-per-client", "1"];
    for (options, second) in [
        (&one[..], 429),
        (&[&one[..], &["--trust-proxy", "127.0.0.0/8"]].concat(), 202),
        (&[&one[..], &["--trust-proxy", "10.0.0.1"]].concat(), 429),
    ] {
        let program = Program::start(options).await;
        let input = json!({"text": "jays", "fault": "hang"});
        let body = json!({"run": "echo", "input": input, "detach": true});
        let start = async |client: &str| {
            let request = program.request(Method::POST, "/runs");
            let request = request.header("x-forwarded-for", client);
            let request = request.header("content-type", "application/json");
            let answer = soon(request.body(body.to_string()).send()).await;
            answer.unwrap().status().as_u16()
        };
        assert_eq!(start("203.0.113.7").await, 202);
        assert_eq!(start("203.0.113.8").await, second, "{options:?}");
        assert_eq!(start("203.0.113.7").await, 429, "{options:?}");
    }
}

#[tokio::test]
async fn a_lease_ends_what_nobody_reads() {
    let program = Program::start(&["--lease", "0.2"]).await;
    let run = program
        .detached("echo", json!({"text": "jays", "fault": "hang"}))
        .await;
    let ended = async {
        loop {
            let state = text(program.get(&format!("/runs/{run}")).await).await;
            let state: Value = serde_json::from_str(&state).unwrap();
            if state["status"] == "cancelled" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(ended).await;
}

#[tokio::test]
async fn the_echo_of_websockets_is_there_if_asked_for() {
    let closed = Program::start(&[]).await;
    assert_eq!(closed.get("/ws/echo").await.status(), 404);
    let open = Program::start(&["--ws-echo"]).await;
    // There, but for clients that speak WebSocket.
    assert_ne!(open.get("/ws/echo").await.status(), 404);
}
