//! Chromium, with a page of another site: allowed by `--allow-origin`, and not.

use std::process::Stdio;

use axum::{
    Json, Router,
    response::Html,
    routing::{get, post},
};
use mainstem::EventKind;
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command, sync::mpsc, task::JoinSet};

use super::assert_whole;
use crate::{
    program::{Program, soon},
    proxy::{Proxy, noise},
};

/// The site of the page.
struct Site {
    listener: TcpListener,
    url: String,
}

impl Site {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// What the page read in a browser, of a run of the echo at this server.
    async fn browse(self, base: &str) -> Vec<Value> {
        let (tells, mut told) = mpsc::channel(1);
        let input = json!({"text": noise(8000), "chunk": 40, "delay_ms": 5});
        let names = [EventKind::NAMES, &["end", "broken"]].concat();
        let asked = json!({
            "base": base,
            "body": {"run": "echo", "input": input, "detach": true},
            "names": names,
        });
        let read = async move |body: String| {
            let _ = tells.send(body).await;
        };
        let app = Router::new()
            .route("/", get(async || Html(include_str!("page.html"))))
            .route("/asked", get(async move || Json(asked)))
            .route("/read", post(read));
        let mut site = JoinSet::new();
        site.spawn(axum::serve(self.listener, app).into_future());

        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("chromium");
        let _browser = browser
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .arg("--no-proxy-server")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(&self.url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let read = soon(told.recv()).await.unwrap();
        serde_json::from_str(&read).unwrap()
    }
}

#[tokio::test]
async fn a_page_that_is_allowed_reads_a_run_over_a_network_that_hangs_up() {
    let site = Site::new().await;
    let program = Program::start(&["--allow-origin", &site.url]).await;
    // What the page asks before it reads is short, and may be on a connection of its own.
    let proxy = Proxy::start(program.address(), &[2500, 2500]).await;
    let read = site.browse(&proxy.url()).await;
    let run = read.last().unwrap()["run"].as_str().unwrap().to_owned();
    assert!(assert_whole(&read, &program.log(&run).await) >= 2);
}

#[tokio::test]
async fn a_page_that_is_not_allowed_reads_nothing() {
    let site = Site::new().await;
    let program = Program::start(&["--open-metrics"]).await;
    let read = site.browse(&program.url).await;
    assert!(read[0]["refused"].is_string(), "{read:?}");
    let metrics = program.get("/metrics").await.text().await.unwrap();
    let started = |line: &&str| line.starts_with("mainstem_runs_started");
    let started: Vec<_> = metrics.lines().filter(started).collect();
    assert!(started.is_empty(), "{started:?}");
}
