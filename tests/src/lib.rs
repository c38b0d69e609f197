//! What the end-to-end tests share: a scripted server, a model and an agent on it, and answers in a
//! form that can be compared.
#![allow(clippy::unwrap_used, clippy::panic)]

mod golden;
mod seen;
pub mod watch;

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
pub use golden::golden;
use mainstem::{
    Agent, AgentBuilder, Message, Model, ModelRequest,
    models::{
        ChatCompletions, ChatCompletionsBuilder, Provider, Responses, ResponsesBuilder, reqwest,
    },
};
use mainstem_testkit::{Reply, ScriptedServer};
pub use seen::Seen;

/// A server without replies.
pub async fn server() -> ScriptedServer {
    ScriptedServer::start().await.unwrap()
}

/// A server that gives these replies, in order.
pub async fn server_with(replies: impl IntoIterator<Item = Reply>) -> ScriptedServer {
    let server = server().await;
    for reply in replies {
        server.push(reply);
    }
    server
}

/// The APIs by which a model can be asked.
#[derive(Clone, Copy, Debug)]
pub enum Api {
    /// Chat completions.
    Chat,
    /// The Responses API.
    Responses,
}

impl Api {
    /// A model behind the server: `m`, without a key.
    pub fn model(self, server: &ScriptedServer) -> Arc<dyn Model> {
        match self {
            Self::Chat => Arc::new(model(server)),
            // With a provider, what goes back to the model doesn't tell the server's port.
            Self::Responses => {
                let builder = responses_builder(server).provider(Provider::OpenAi);
                Arc::new(builder.api_key("k").build().unwrap())
            }
        }
    }
}

/// A model behind the server: `m`, without a key.
pub fn model(server: &ScriptedServer) -> ChatCompletions {
    model_builder(server).build().unwrap()
}

/// The beginning of a model behind the server.
pub fn model_builder(server: &ScriptedServer) -> ChatCompletionsBuilder {
    ChatCompletions::builder("m")
        .base_url(server.base_url())
        .client(client())
}

/// A model behind the server by the Responses API: `m`, without a key.
pub fn responses(server: &ScriptedServer) -> Responses {
    responses_builder(server).build().unwrap()
}

/// The beginning of a model behind the server by the Responses API.
pub fn responses_builder(server: &ScriptedServer) -> ResponsesBuilder {
    Responses::builder("m")
        .base_url(server.base_url())
        .client(client())
}

/// A client that loads no certificates and knows no proxy: made in no time.
pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    builder.build().unwrap()
}

/// The beginning of an agent on [`model`].
pub fn builder(server: &ScriptedServer) -> AgentBuilder {
    Agent::builder(model(server))
}

/// An agent on [`model`].
pub fn agent(server: &ScriptedServer) -> Agent {
    builder(server).build().unwrap()
}

/// Asks a model, and takes the whole answer.
pub async fn ask(model: &impl Model) -> Seen {
    Seen::of(model.stream(ModelRequest::new([Message::user("Hello?")]))).await
}

/// What a model makes of a reply.
pub async fn read(reply: Reply) -> Seen {
    let server = server_with([reply]).await;
    within(ask(&model(&server))).await
}

/// What a model makes of a reply by the Responses API.
pub async fn read_response(reply: Reply) -> Seen {
    let server = server_with([reply]).await;
    within(ask(&responses(&server))).await
}

/// Fails what would hang; no test counts on this limit being reached.
pub async fn within<F: IntoFuture>(future: F) -> F::Output {
    let limit = Duration::from_secs(30);
    match tokio::time::timeout(limit, future.into_future()).await {
        Ok(output) => output,
        Err(_) => panic!("nothing came within {limit:?}"),
    }
}

/// Awaits futures, some of them at a time; the outputs come in the order of their ends.
pub async fn together<F: Future>(
    at_a_time: usize,
    futures: impl IntoIterator<Item = F>,
) -> Vec<F::Output> {
    futures::stream::iter(futures)
        .buffer_unordered(at_a_time)
        .collect()
        .await
}
