//! A server under test, and clients that say exactly what they are told to.

use std::{net::SocketAddr, time::Duration};

use mainstem::{Flow, Question, prelude::*};
use mainstem_serve::Server;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

/// A server that runs until it is dropped or shut down.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    client: reqwest::Client,
    shutdown: Option<oneshot::Sender<()>>,
    served: JoinHandle<mainstem::Result<()>>,
}

impl Serving {
    pub(crate) async fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, said) = oneshot::channel::<()>();
        let served = tokio::spawn(server.serve(listener, async {
            let _ = said.await;
        }));
        Self::new(address, shutdown, served)
    }

    /// A server in an application's own, as the documentation has it: with a runtime that goes with it.
    pub(crate) fn embedded(server: Server, knows_addresses: bool) -> Self {
        let (router, sessions) = server.parts().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, said) = oneshot::channel::<()>();
        let end = async move {
            let _ = said.await;
            sessions.shutdown(Duration::from_millis(200)).await;
        };
        let serve = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            if knows_addresses {
                let app = router.into_make_service_with_connect_info::<SocketAddr>();
                let serve = axum::serve(listener, app);
                serve.with_graceful_shutdown(end).await.unwrap();
            } else {
                let serve = axum::serve(listener, router);
                serve.with_graceful_shutdown(end).await.unwrap();
            }
            Ok(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let served = tokio::task::spawn_blocking(move || runtime.block_on(serve));
        Self::new(address, shutdown, served)
    }

    fn new(
        address: SocketAddr,
        shutdown: oneshot::Sender<()>,
        served: JoinHandle<mainstem::Result<()>>,
    ) -> Self {
        let builder = reqwest::Client::builder().tls_certs_only([]).no_proxy();
        Self {
            address,
            client: builder.build().unwrap(),
            shutdown: Some(shutdown),
            served,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(self.url(path))
    }

    /// A request with a JSON body.
    #[allow(clippy::needless_pass_by_value)] // a call reads better
    pub(crate) fn post(&self, path: &str, body: impl ToString) -> RequestBuilder {
        self.client
            .post(self.url(path))
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Starts a detached run, and gives its id.
    pub(crate) async fn detached(&self, run: &str, input: Value) -> String {
        let body = serde_json::json!({"run": run, "input": input, "detach": true});
        let answer = self.post("/runs", body).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let id = &json(answer).await["id"];
        id.as_str().unwrap().to_owned()
    }

    /// Says that the server is to shut down, and waits until it has.
    pub(crate) async fn shut_down(mut self) {
        let _ = self.shutdown.take().unwrap().send(());
        within(&mut self.served).await.unwrap().unwrap();
    }

    /// Says that the server is to shut down.
    pub(crate) fn say_shutdown(&mut self) {
        let _ = self.shutdown.take().unwrap().send(());
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes as they are, and reads until the server closes.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> Raw {
        let mut socket = self.connect().await;
        // A server that refuses early may close before it has read all.
        let _ = socket.write_all(request.as_ref()).await;
        Raw::read(&mut socket).await
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// An answer, byte by byte.
#[derive(Debug)]
pub(crate) struct Raw(pub(crate) String);

impl Raw {
    pub(crate) async fn read(socket: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let _ = within(socket.read_to_end(&mut bytes)).await;
        Self(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The status; 0, if the connection was closed without an answer.
    pub(crate) fn status(&self) -> u16 {
        let line = self.0.split(' ').nth(1);
        line.map_or(0, |status| status.parse().unwrap())
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// The code of the refusal in the body.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(self.body()).unwrap_or_default();
        body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

pub(crate) async fn json(answer: Response) -> Value {
    let text = within(answer.text()).await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The status and the code of a refusal.
pub(crate) async fn refused(request: RequestBuilder) -> (u16, String) {
    let answer = within(request.send()).await.unwrap();
    let status = answer.status().as_u16();
    let code = json(answer).await["error"]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    (status, code)
}

/// Fails what would hang; no test counts on this limit being reached.
pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    let limit = Duration::from_secs(20);
    match tokio::time::timeout(limit, future.into_future()).await {
        Ok(output) => output,
        Err(_) => panic!("nothing came within {limit:?}"),
    }
}

/// A flow that gives back what it takes, in capital letters.
pub(crate) fn shout() -> Flow<String, String> {
    Flow::new("shout").step("up", |text: String| text.to_uppercase())
}

/// A flow that says its text, word by word.
pub(crate) fn say() -> Flow<String, String> {
    async fn words(ctx: RunContext, text: String) -> StepResult<String> {
        for word in text.split_inclusive(' ') {
            ctx.emit(mainstem::TextDelta::new(word)).await;
        }
        Ok(text)
    }
    Flow::new("say").step("words", words)
}

/// A flow that never ends by itself.
pub(crate) fn endless() -> Flow<String, String> {
    async fn wait(ctx: RunContext, text: String) -> StepResult<String> {
        ctx.emit(mainstem::TextDelta::new("so far")).await;
        std::future::pending::<()>().await;
        Ok(text)
    }
    Flow::new("endless").step("wait", wait)
}

/// A flow that says nothing, and never ends.
pub(crate) fn hang() -> Flow<String, String> {
    async fn wait(_: String) -> StepResult<String> {
        std::future::pending().await
    }
    Flow::new("hang").step("wait", wait)
}

/// A flow that fails.
pub(crate) fn broken() -> Flow<String, String> {
    async fn fail(_: RunContext, _: String) -> StepResult<String> {
        Err(std::io::Error::other("a secret").into())
    }
    Flow::new("broken").step("fail", fail)
}

/// A flow that asks a person.
pub(crate) fn pay() -> Flow<u32, String> {
    Flow::new("pay")
        .ask::<bool>("approve", |euros: &u32| {
            Question::new(format!("Pay {euros} €?"))
        })
        .step("pay", |(euros, yes): (u32, bool)| match yes {
            true => format!("paid {euros} €"),
            false => "not paid".to_owned(),
        })
}

/// All of these.
pub(crate) fn server() -> Server {
    Server::new()
        .flow(shout())
        .flow(say())
        .flow(endless())
        .flow(hang())
        .flow(broken())
        .flow(pay())
}
