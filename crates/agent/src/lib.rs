//! Agents that stream.
//!
//! An [`Agent`] is a model with instructions, settings and an output type. It is immutable and
//! shared; what a session remembers is in the [`Context`](mainstem_core::Context) that a run is
//! given.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mainstem_core::Error> {
//! # use mainstem_core::test_util::ScriptedModel;
//! # let model = ScriptedModel::new().answer(["Because of ", "Rayleigh."]);
//! use mainstem_agent::Agent;
//!
//! let agent = Agent::builder(model).instructions("Answer in one sentence.").build()?;
//! let mut run = agent.run_streamed("Why is the sky blue?");
//! while let Some(chunk) = run.next_text().await? {
//!     print!("{chunk}");
//! }
//! assert_eq!(run.await?.output, "Because of Rayleigh.");
//! # Ok(())
//! # }
//! ```
//!
//! The loop of an agent is [`drive.rs`](../src/mainstem_agent/drive.rs.html), one page.
//!
//! # Features
//!
//! - `jsonschema` (default): typed output is judged by the `jsonschema` crate, built without network
//!   access; without it, by serde alone.
//! - `regex`: the guard against patterns, `ForbiddenPattern`.

mod agent;
mod answer;
mod ask;
mod attempts;
mod builder;
mod chat_span;
mod content;
mod drive;
mod evaluate;
mod expense;
mod finish;
mod guards;
mod held;
mod instructions;
mod interview;
mod memory;
mod orchestrate;
mod prompt;
mod providers;
mod reading;
mod route;
mod template;
mod tools;

pub use agent::Agent;
pub use attempts::{FailedAttempt, OutputAttempts};
pub use builder::AgentBuilder;
pub use evaluate::{Draft, EvaluatedAgent, Evaluation, Judge, Retake};
pub use finish::CutOutput;
#[cfg(feature = "regex")]
pub use guards::ForbiddenPattern;
pub use guards::{
    ForbiddenText, GuardRefusal, InputGuard, MaxLength, OutputGuard, OutputRewriter, OutputWatch,
    Verdict,
};
pub use instructions::Instructions;
pub use interview::{Interview, InterviewBuilder, InterviewTurn};
pub use orchestrate::{Orchestration, OrchestrationStatus};
pub use prompt::{ByFunction, MakesPrompt, Prompt, Prompted, Templated};
pub use providers::{
    ContextBlock, ContextProvider, ContextQuery, FileContext, FunctionContext, OlderTurns,
    ProvidedContext, SourceTree, Summarizer, context_fn,
};
pub use route::{Router, RouterBuilder};
pub use template::Template;
pub use tools::{
    FunctionTool, Guarded, StepTool, ToolArguments, ToolExt, ToolFunction, step_tool, tool_fn,
};
