//! Language models over HTTP: any server that speaks OpenAI's chat completions, or its Responses API.
//!
//! [`model`] makes one from an address such as `openai://gpt-5-mini` or `openai+responses://gpt-5`;
//! [`ChatCompletions::builder`] and [`Responses::builder`] set up everything. The configuration is
//! async-openai's, and so are the request types of chat completions; the body is read by this
//! crate: leniently where the meaning is clear, in flat memory, with back-pressure to the socket, to
//! its end.
//!
//! Layers go around any model: [`Recovery`] tries again, [`ModelExt`] has the others.
//!
//! # Features
//!
//! - `cache`: `Cache`, which answers what was asked before as before.
//! - `demo`: `demo`, an offline model that answers from Mainstem's own documentation.
//! - `openai-tokens`: `OpenAiTokens`, which counts tokens as OpenAI's models do.

mod address;
mod chat;
#[cfg(feature = "demo")]
pub mod demo;
mod http;
mod key;
mod layers;
mod nesting;
#[cfg(feature = "openai-tokens")]
mod openai_tokens;
mod output;
mod provider;
mod responses;
mod sse;
mod upstream;

pub use address::model;
/// async-openai, for its configuration types.
pub use async_openai;
pub use chat::{ChatCompletions, ChatCompletionsBuilder};
pub use http::ModelBuilder;
pub use layers::{
    Breaker, Guarded, Limited, Limiter, ModelExt, Recovery, RecoveryBuilder, WhenCut,
};
#[cfg(feature = "cache")]
pub use layers::{Cache, Cached};
#[cfg(feature = "openai-tokens")]
pub use openai_tokens::OpenAiTokens;
pub use output::strict_schema;
pub use provider::Provider;
/// reqwest, for [`ModelBuilder::client`].
pub use reqwest;
pub use responses::{ReasoningSummary, Responses, ResponsesBuilder};
