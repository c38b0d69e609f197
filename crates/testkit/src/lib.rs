//! A scripted model server over real sockets, for tests of applications that stream.
//!
//! [`ScriptedServer`] listens on a TCP socket and speaks two APIs of OpenAI: chat
//! completions, and responses. Point your application's base URL at it and say what it answers: each
//! request takes the next [`Reply`] of the queue. The bytes, the borders of chunks,
//! the pauses and the way in which a reply ends are under your control, so that a
//! test can show what your application does when a stream is slow, odd or broken.
//!
//! # A test
//!
//! ```
//! use mainstem_testkit::{Reply, ScriptedServer};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # /// Stands for the application under test.
//! # async fn ask(server: &ScriptedServer, question: &str) -> std::io::Result<String> {
//! #     let body = format!(
//! #         r#"{{"model":"m","stream":true,"messages":[{{"role":"user","content":"{question}"}}]}}"#
//! #     );
//! #     let mut stream = tokio::net::TcpStream::connect(server.address()).await?;
//! #     let head = format!(
//! #         "POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
//! #         body.len(),
//! #     );
//! #     stream.write_all((head + &body).as_bytes()).await?;
//! #     let mut answer = String::new();
//! #     stream.read_to_string(&mut answer).await?;
//! #     Ok(answer)
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let server = ScriptedServer::start().await?;
//! server.push(Reply::text(["Hel", "lo"]));
//!
//! let answer = ask(&server, "Why?").await?;
//!
//! assert!(answer.contains(r#""content":"Hel""#));
//! assert_eq!(server.requests()[0].user_text(), Some("Why?"));
//! # Ok(())
//! # }
//! ```
//!
//! # Replies
//!
//! [`Reply::text`] and [`Reply::tool_call`] are ordinary answers. For the rest, start
//! with [`Reply::stream`] and add steps, or with [`Reply::status`] and add a body.
//! [`fallback`](ScriptedServer::fallback) answers when the queue is empty, and
//! [`respond_with`](ScriptedServer::respond_with) does so by what the request says.
//! The same reply answers requests that don't stream, as one JSON object.
//!
//! | to see what happens when | script |
//! |---|---|
//! | the connection breaks in mid-answer | [`cut`](Reply::cut), [`reset`](Reply::reset), [`cut_at`](Reply::cut_at) |
//! | the body just ends | [`end`](Reply::end), [`end_at`](Reply::end_at) |
//! | the model goes silent | [`stall`](Reply::stall), [`silent`](Reply::silent) |
//! | the model fails in mid-stream | [`error`](Reply::error) |
//! | the model refuses to answer now | [`error_status`](Reply::error_status), [`header`](Reply::header) |
//! | chunks fall apart | [`chunk_size`](Reply::chunk_size), [`split_at`](Reply::split_at) |
//! | the server isn't OpenAI | [`omit`](Reply::omit), [`usage_shape`](Reply::usage_shape), [`crlf`](Reply::crlf), [`chunk`](Reply::chunk) |
//! | your application doesn't read | [`endless`](Reply::endless), [`bytes_written`](ScriptedServer::bytes_written) |
//! | your application hangs up | [`disconnected`](ScriptedServer::disconnected) |
//!
//! [`Reply::body_bytes`] has the exact body, so that a test can cut or split it at
//! every offset.
//!
//! # Real servers
//!
//! A [`Fixture`] is a stream in the shape of a real server's, of which the crate has many, with
//! what it must be read as. A [`Recording`] is what a real server did answer, without the secrets;
//! a `Recorder` (feature `record`) writes one, and a [`Replay`] serves it again.
//!
//! # Time
//!
//! Tests that sleep are slow and fail on a busy machine. Put a [`Gate`] where the
//! reply has to wait for the test, and wait for what the server has seen with
//! [`requested`](ScriptedServer::requested), [`until_active`](ScriptedServer::until_active)
//! and [`disconnected`](ScriptedServer::disconnected).
//!
//! # What the server refuses
//!
//! Malformed requests, and schemas that OpenAI's strict mode refuses (see [`strict`]),
//! get status 400 and take no reply from the queue. Both checks can be switched off
//! in the [`ServerBuilder`].
//!
//! # Features
//!
//! `cli` (on by default) is for the program `mainstem-testkit` alone; without it the
//! library doesn't depend on clap. The others are off by default: `record` adds the `Recorder`,
//! and an HTTP client with it; `models` adds the module `models`: a suite of tests that any adapter
//! of a model runs; `stores` adds the module `stores`: suites that any implementation of
//! Mainstem's `Store` and `Conversations` runs.

mod completion;
mod connection;
mod delivery;
mod dialect;
mod fixture;
mod gate;
mod json;
mod log;
#[cfg(feature = "models")]
pub mod models;
mod plan;
#[cfg(feature = "record")]
mod record;
mod recorded;
mod recording;
mod refusal;
mod replay;
mod reply;
mod request;
mod responses;
mod script;
mod script_file;
mod server;
mod shape;
mod step;
mod steps;
#[cfg(feature = "stores")]
pub mod stores;
pub mod strict;
mod wire;

pub use delivery::Framing;
pub use dialect::{Field, LineEnd, UsageShape};
pub use fixture::{Expected, ExpectedCall, ExpectedUsage, Fixture, Wire};
pub use gate::Gate;
pub use log::Disconnect;
#[cfg(feature = "record")]
pub use record::{Recorder, RecorderBuilder};
pub use recorded::Recorded;
pub use recording::{Chunk, Ending, Exchange, Recording, RecordingError, Secrets};
pub use replay::{Matching, Replay, ReplayBuilder};
pub use reply::Reply;
pub use server::{ScriptedServer, ServerBuilder};
