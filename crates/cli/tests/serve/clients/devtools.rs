//! Chromium, driven by its `DevTools` protocol.

use std::{process::Stdio, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use mainstem::models::reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::program::soon;

/// A browser with one page.
pub(super) struct Browser {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: u64,
    _child: Child,
    _stderr: BufReader<ChildStderr>,
    _profile: TempDir,
}

impl Browser {
    pub(super) async fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--no-proxy-server"])
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let port = soon(port(&mut stderr)).await;
        let (socket, _) = soon(connect_async(page(port, url).await)).await.unwrap();
        let mut browser = Self {
            socket,
            asked: 0,
            _child: child,
            _stderr: stderr,
            _profile: profile,
        };
        let is_there = "location.href !== 'about:blank' && document.readyState === 'complete'";
        browser.until(is_there).await;
        browser
    }

    /// What an expression gives on the page.
    pub(super) async fn eval(&mut self, script: &str) -> Value {
        self.asked += 1;
        let asked = json!({
            "id": self.asked,
            "method": "Runtime.evaluate",
            "params": {"expression": script, "returnByValue": true, "awaitPromise": true},
        });
        let asked = Message::text(asked.to_string());
        self.socket.send(asked).await.unwrap();
        loop {
            let told = soon(self.socket.next()).await.unwrap().unwrap();
            let told: Value = serde_json::from_str(told.to_text().unwrap()).unwrap();
            if told["id"] == self.asked {
                let result = &told["result"];
                assert!(result["exceptionDetails"].is_null(), "{script}: {told}");
                return result["result"]["value"].clone();
            }
        }
    }

    /// Waits until an expression holds on the page; what the page shows is told, if it never does.
    pub(super) async fn until(&mut self, script: &str) {
        for _ in 0..600 {
            if self.eval(script).await == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let shown = self.eval("document.body.innerText").await;
        panic!("`{script}` never holds on the page: {shown}");
    }
}

/// Where it listens for `DevTools`, which it says first.
async fn port(stderr: &mut BufReader<ChildStderr>) -> u16 {
    let mut line = String::new();
    while stderr.read_line(&mut line).await.unwrap() > 0 {
        if let Some((_, rest)) = line.split_once("DevTools listening on ws://127.0.0.1:") {
            return rest.split('/').next().unwrap().parse().unwrap();
        }
        line.clear();
    }
    panic!("chromium doesn't start");
}

/// The socket of the page that was opened.
async fn page(port: u16, url: &str) -> String {
    let client = Client::builder().no_proxy().build().unwrap();
    let list = async {
        loop {
            let list = client.get(format!("http://127.0.0.1:{port}/json/list"));
            let list = list.send().await.unwrap().text().await.unwrap();
            let pages: Vec<Value> = serde_json::from_str(&list).unwrap();
            if let Some(page) = pages.iter().find(|page| page["url"] == url) {
                return page["webSocketDebuggerUrl"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(list).await
}
