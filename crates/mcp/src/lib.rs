//! Tools from MCP servers, for Mainstem's agents.
//!
//! A server is a program of its own that offers tools by the [Model Context Protocol]: over its
//! standard input and output, or over HTTP. [`McpServer`] says which one, [`McpClient`] is the
//! connection to it, and [`McpClient::tools`] gives its tools, which go into an agent as they are.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mainstem_core::Error> {
//! # use mainstem_core::test_util::ScriptedModel;
//! # let model = ScriptedModel::new();
//! use mainstem_agent::Agent;
//! use mainstem_mcp::McpServer;
//!
//! let time = McpServer::stdio("mcp-server-time").args(["--local-timezone", "UTC"]);
//! let client = time.connect().await?;
//! let agent = Agent::builder(model).tools(client.tools().await?).build()?;
//! # let _ = agent;
//! # Ok(())
//! # }
//! ```
//!
//! [Model Context Protocol]: https://modelcontextprotocol.io

mod client;
mod connection;
mod content;
mod failure;
mod feed;
mod http;
mod link;
mod listing;
mod log;
mod offer;
mod pace;
mod pages;
mod process;
mod prompt;
mod resource;
mod server;
mod spec;
mod tap;
mod tool;
mod way;

pub use client::McpClient;
pub use listing::ListTools;
pub use log::LogLevel;
pub use prompt::{McpPrompt, McpPromptArgument};
pub use resource::McpResource;
pub use server::McpServer;
