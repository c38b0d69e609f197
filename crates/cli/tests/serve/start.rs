//! How the server begins, or says why it doesn't.

use serde_json::json;

use crate::program::{Program, done, serve, text};

#[tokio::test]
async fn it_says_where_it_is_and_what_to_try() {
    let program = Program::start(&[]).await;
    let open = format!("Open {}/ for the runs.", program.url);
    for told in ["assistant ", "echo ", "curl -N http://127.0.0.1:", &open] {
        assert!(program.banner.contains(told), "{}", program.banner);
    }
    assert!(program.get("/health").await.status().is_success());
    assert!(program.get("/").await.status().is_success());
    // Each line to try does what it says.
    for line in program.banner.lines() {
        let Some((command, body)) = line.split_once(" --json '") else {
            continue;
        };
        let body = body.strip_suffix('\'').unwrap();
        let url = command.split_whitespace().last().unwrap();
        let path = url.strip_prefix(&program.url).unwrap();
        if path == "/runs" {
            let run = program
                .start_run(&serde_json::from_str(body).unwrap())
                .await;
            assert!(!text(run).await.is_empty());
        }
    }
}

#[tokio::test]
async fn the_demo_model_answers_unless_another_is_named() {
    let program = Program::start(&["--model", "demo"]).await;
    let asks = json!({"run": "assistant", "input": "How do I stop a run?", "wire": "text"});
    let answer = program.start_run(&asks).await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert!(text(answer).await.contains("(docs/runs.md, «Stop»)"));
    let (code, told) = done(serve(&["--model", "nobody://x"])).await;
    assert_eq!(code, Some(2), "{told}");
}

#[tokio::test]
async fn another_server_of_models_may_answer() {
    let models = mainstem_testkit::ScriptedServer::start().await.unwrap();
    models.push(mainstem_testkit::Reply::text(["Jays ", "are blue."]));
    let url = models.base_url();
    let program = Program::start(&["--base-url", &url, "--model", "m"]).await;
    let asks = json!({"run": "assistant", "input": "Jays?", "wire": "text"});
    assert_eq!(text(program.start_run(&asks).await).await, "Jays are blue.");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let first = Program::start(&[]).await;
    let (code, told) = done(serve(&["--listen", first.address()])).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("another program listens there"), "{told}");
    let (code, told) = done(serve(&["--listen", "nowhere"])).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("a host and a port"), "{told}");
}

#[tokio::test]
async fn other_machines_need_a_token_or_leave() {
    let (code, told) = done(serve(&["--listen", "0.0.0.0:0"])).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("MAINSTEM_TOKEN") && told.contains("--open-to-all"));
    let command = serve(&["--listen", "0.0.0.0:0", "--open-to-all"]);
    let open = Program::from(command).await;
    assert!(open.get("/health").await.status().is_success());
    let mut command = serve(&["--listen", "0.0.0.0:0"]);
    command.env("MAINSTEM_TOKEN", "secret");
    Program::from(command).await;
}

#[tokio::test]
async fn a_token_that_got_lost_is_not_none() {
    let mut command = serve(&["--listen", "127.0.0.1:0"]);
    command.env("MAINSTEM_TOKEN", "");
    let (code, told) = done(command).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("MAINSTEM_TOKEN is set to nothing"), "{told}");
}
