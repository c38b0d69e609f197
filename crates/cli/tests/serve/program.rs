//! The program as a server, and requests to it.

use std::{ops::Deref, process::Stdio, time::Duration};

use mainstem::models::reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Fails a test that hangs, instead of hanging.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("it takes for ever")
}

/// `mainstem serve`, with an environment that holds nothing of the developer's own.
pub(crate) fn serve(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstem"));
    command
        .arg("serve")
        .args(args)
        .env_clear()
        // Windows has no sockets without it.
        .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Who sends requests to a server.
pub(crate) struct HttpClient {
    pub(crate) url: String,
    client: Client,
    token: Option<String>,
}

impl HttpClient {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        soon(self.request(Method::GET, path).send()).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string());
        soon(request.send()).await.unwrap()
    }

    pub(crate) async fn start_run(&self, body: &Value) -> Response {
        let response = self.post("/runs", body).await;
        let status = response.status();
        assert!(status.is_success(), "{status}: {}", text(response).await);
        response
    }
}

impl Deref for Program {
    type Target = HttpClient;

    fn deref(&self) -> &HttpClient {
        &self.client
    }
}

/// A server that listens.
pub(crate) struct Program {
    /// What it printed before it listened.
    pub(crate) banner: String,
    pub(crate) child: Child,
    client: HttpClient,
    _stdout: BufReader<ChildStdout>,
}

impl Program {
    /// On a free port.
    pub(crate) async fn start(args: &[&str]) -> Self {
        let mut all = vec!["--listen", "127.0.0.1:0"];
        all.extend(args);
        Self::from(serve(&all)).await
    }

    /// Whose clients have to bring a token, and do.
    pub(crate) async fn with_token(token: &str, args: &[&str]) -> Self {
        let mut command = serve(&["--listen", "127.0.0.1:0"]);
        command.args(args).env("MAINSTEM_TOKEN", token);
        let mut program = Self::from(command).await;
        program.client.token = Some(token.to_owned());
        program
    }

    pub(crate) async fn from(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("docs/serving.md") {
            let read = soon(stdout.read_line(&mut banner)).await.unwrap();
            if read == 0 {
                let mut stderr = String::new();
                let mut pipe = child.stderr.take().unwrap();
                pipe.read_to_string(&mut stderr).await.unwrap();
                panic!("it doesn't serve: {stderr}");
            }
        }
        let url = banner.lines().next().unwrap();
        let client = HttpClient {
            url: url.strip_prefix("Serving on ").unwrap().to_owned(),
            client: Client::builder().no_proxy().build().unwrap(),
            token: None,
        };
        Self {
            banner,
            child,
            client,
            _stdout: stdout,
        }
    }

    /// A client of it that has no token.
    pub(crate) fn without_token(&self) -> HttpClient {
        HttpClient {
            url: self.url.clone(),
            client: self.client.client.clone(),
            token: None,
        }
    }

    /// `127.0.0.1:34567`
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Begins a detached run, and gives its id.
    pub(crate) async fn detached(&self, name: &str, input: Value) -> String {
        let body = serde_json::json!({"run": name, "input": input, "detach": true});
        id(&self.start_run(&body).await)
    }

    /// All events of a run that has ended, or ends soon.
    pub(crate) async fn log(&self, id: &str) -> Vec<Value> {
        let request = self
            .request(Method::GET, &format!("/runs/{id}/events"))
            .header("accept", "application/x-ndjson");
        let response = soon(request.send()).await.unwrap();
        let lines = text(response).await;
        let lines = lines.lines().filter(|line| !line.is_empty());
        let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["seq"].is_u64()).collect()
    }
}

/// Which run a response is of.
pub(crate) fn id(response: &Response) -> String {
    let id = response.headers()["mainstem-run"].to_str();
    id.unwrap().to_owned()
}

pub(crate) async fn text(response: Response) -> String {
    soon(response.text()).await.unwrap()
}

/// The text of a run, by its events.
pub(crate) fn said(events: &[Value]) -> String {
    let texts = events.iter().filter(|event| event["type"] == "text_delta");
    texts
        .map(|event| event["data"]["text"].as_str().unwrap())
        .collect()
}

/// The place of an event, as it stands on the wire.
pub(crate) fn place(event: &Value) -> String {
    format!("{}-{}", event["epoch"], event["seq"])
}

/// What a program that ended has said.
pub(crate) async fn done(mut command: Command) -> (Option<i32>, String) {
    let output = soon(command.output()).await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr)
}
