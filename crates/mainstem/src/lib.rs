//! Agents and flows as one typed stream of events.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mainstem::Error> {
//! use mainstem::prelude::*;
//!
//! # #[cfg(feature = "test-util")]
//! # {
//! # let model = mainstem::test_util::ScriptedModel::new().answer(["Because of ", "Rayleigh."]);
//! # #[cfg(any())]
//! let model = mainstem::model("openai://gpt-5-mini")?;
//! let agent = Agent::builder(model).instructions("Answer in one sentence.").build()?;
//!
//! let mut run = agent.run_streamed("Why is the sky blue?");
//! while let Some(chunk) = run.next_text().await? {
//!     print!("{chunk}");
//! }
//! let result = run.await?;
//! assert_eq!(result.output, "Because of Rayleigh.");
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! This crate is the front door: it re-exports what applications need. The parts:
//!
//! - [`Agent`]: a model with instructions, settings and an output type.
//! - [`Run`], [`RunStream`], [`Event`]: a run is one stream of events, and ends in one of four ways.
//! - [`Context`]: what a session remembers.
//! - [`model`](fn@model), [`ChatCompletions`](models::ChatCompletions): models behind any server that
//!   speaks OpenAI's chat completions.
//! - [`structured`]: JSON checked against a schema.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `jsonschema` | yes | typed output is judged by the `jsonschema` crate (without network access), not by serde alone |
//! | `demo` | no | [`models`]`::demo`: an offline model that answers from Mainstem's documentation; the address `demo` |
//! | `test-util` | no | `test_util`: scripted doubles for tests |

pub use mainstem_agent::{Agent, AgentBuilder};
pub use mainstem_core::*;
/// Models over HTTP.
pub use mainstem_models as models;
pub use mainstem_models::model;
/// JSON checked against a schema.
pub use mainstem_structured as structured;

/// What most programs need: `use mainstem::prelude::*;`.
pub mod prelude {
    pub use mainstem_agent::Agent;
    pub use mainstem_core::{
        Context, Event, EventKind, Key, Message, Model, ModelSettings, Run, RunContext, RunStream,
        Step, StepError, StepResult, TimeLimits,
    };
}

/// The book's pages, whose code blocks are tests.
#[cfg(all(doctest, feature = "test-util", feature = "demo"))]
mod book;
