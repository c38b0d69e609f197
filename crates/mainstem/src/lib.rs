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
//! - [`Flow`]: functions and agents chained into one run; [`merge`](fn@merge) for several runs at once.
//! - [`Run`], [`RunStream`], [`Event`]: a run is one stream of events, and ends in one of four ways.
//! - [`Context`]: what a session remembers.
//! - [`model`](fn@model), [`ChatCompletions`](models::ChatCompletions),
//!   [`Responses`](models::Responses): models behind any server that speaks one of OpenAI's APIs.
//! - [`structured`]: JSON checked against a schema.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `jsonschema` | yes | typed output is judged by the `jsonschema` crate (without network access), not by serde alone |
//! | `cache` | no | `Cache`: what a model was asked before is answered as before |
//! | `compression` | no | with `serve`: responses by gzip, brotli and zstd |
//! | `demo` | no | [`models`]`::demo`: an offline model that answers from Mainstem's documentation; the address `demo` |
//! | `mcp` | no | `mcp`: tools, resources and prompts from MCP servers, over standard input and output and over HTTP |
//! | `openai-tokens` | no | `OpenAiTokens`: tokens as OpenAI's models count them |
//! | `progress` | no | `mainstem::progress`: how far a run has come, as a tree |
//! | `progress-bars` | no | `progress::ProgressBars`: the same as bars on a terminal, by indicatif |
//! | `regex` | no | `ForbiddenPattern`: a guard against what a regular expression matches |
//! | `serve` | no | `mainstem::serve`: runs over HTTP |
//! | `sqlite` | no | `SqliteStore`: logs of runs, and conversations, in a file of SQLite, which is built in |
//! | `test-util` | no | `test_util`: scripted doubles for tests |
//!
//! # Public dependencies
//!
//! Types of these crates stand in Mainstem's signatures; a major version of one of them is one of
//! Mainstem, too.
//!
//! | crate | where | here as |
//! |---|---|---|
//! | `schemars` 1 | typed outputs: [`AgentBuilder::output`], [`RunStream::partials`] | [`schemars`] |
//! | `serde` 1, `serde_json` 1 | everything that crosses a step's boundary; [`AgentBuilder::output_schema`] | |
//! | `futures` 0.3 | streams, and the futures of traits: [`Model`], [`Step`], [`Store`] | |
//! | `bytes` 1 | [`Bytes`] | |
//! | `reqwest` 0.13 | [`ModelBuilder::client`](models::ModelBuilder::client), `mcp::McpServer::client` | [`models::reqwest`] |
//! | `tokio` 1 | `mcp::McpServer::spawn` | |
//! | `tracing` 0.1 | [`SpanLinks`] | |
//! | `async-openai` 0.43 | [`ModelBuilder::config`](models::ModelBuilder::config) | [`models::async_openai`] |
//! | `indicatif` 0.18 | `ProgressBars::on`, with the feature `progress-bars` | `progress::indicatif` |

// Agents, and what they say to models.
pub use mainstem_agent::{
    Agent, AgentBuilder, ByFunction, CutOutput, Draft, EvaluatedAgent, Evaluation, FailedAttempt,
    Instructions, Interview, InterviewBuilder, InterviewTurn, Judge, MakesPrompt, Orchestration,
    OrchestrationStatus, OutputAttempts, Prompt, Prompted, Retake, Router, RouterBuilder, Template,
    Templated,
};
// What a request holds beside the input.
pub use mainstem_agent::{
    ContextBlock, ContextProvider, ContextQuery, FileContext, FunctionContext, OlderTurns,
    ProvidedContext, SourceTree, Summarizer, context_fn,
};
// What looks at inputs and answers.
#[cfg(feature = "regex")]
pub use mainstem_agent::ForbiddenPattern;
pub use mainstem_agent::{
    ForbiddenText, GuardRefusal, InputGuard, MaxLength, OutputGuard, OutputRewriter, OutputWatch,
    Verdict,
};
// Tools.
pub use mainstem_agent::{
    FunctionTool, Guarded, StepTool, ToolArguments, ToolExt, ToolFunction, step_tool, tool_fn,
};
pub use mainstem_core::{Approval, Tool, ToolPolicy, ToolSpec, WhenToolFails};
pub use mainstem_core::{
    MediaPart, MediaSource, Message, ModelSettings, OutputMode, OutputSpec, Part, ReasoningEffort,
    ReasoningPart, Role, TextPart, TimeLimits, ToolCallPart, ToolChoice, ToolResultPart,
};

// Flows.
pub use mainstem_flow::{
    ArmKey, Ask, AtMost, Blocking, Branch, Diagram, DiagramState, Each, Fallback, Flow, Function,
    IntoBranches, IntoRace, IntoStep, List, Map, Name, Optional, Parallel, Race, Repeat, Retry,
    Retrying, StepOutput, StepValue, TimeLimit, Until, UpTo, Weight, When, With, Wrapped, ask,
    at_most, blocking, by, by_step, by_value, each, fallback, named, optional, retry, time_limit,
    up_to, weighted, when, with,
};

// Runs, and how they end.
pub use mainstem_core::{
    Answer, AppendOnly, Appended, ChunkBatches, FinishReason, InputRequest, ItemStream, Labelled,
    Merged, MergedText, Outcome, Partial, PartialView, PatchStream, Question, Resume, Run,
    RunContext, RunFuture, RunId, RunResult, RunStream, Said, SpanLinks, Spending, StepScope,
    Stepped, StopHandle, Suspension, TextStream, Traces, merge,
};

// What models use, what it costs, and how much they may.
pub use mainstem_core::{
    Cost, ModelUsage, Price, Prices, RoughTokens, TokenCounter, Usage, UsageLimits,
};

// Events: the envelope and its kinds, then the payload of each kind.
pub use mainstem_core::{
    Bytes, CancelledBy, Custom, Decided, DecisionKind, Epoch, Evaluated, Event, EventKind,
    JsonDelta, Notice, Place, Progress, ReasoningDelta, RefusalDelta, Retracted, RunCancelled,
    RunFailed, RunFinished, RunResumed, RunStarted, RunSuspended, Segment, Seq, StepFailed,
    StepFinished, StepPath, StepSkipped, StepStarted, TextDelta, Timestamp, ToolCallDelta,
    ToolCallReady, ToolCallStarted, ToolResult, TurnFinished, TurnStarted, UnknownKind,
};

// Contexts, and where they and the logs of runs are kept.
pub use mainstem_core::{
    Busy, Context, ContextDelta, ContextSnapshot, Conversation, ConversationInfo, Conversations,
    Durability, History, Journal, JournalKey, Key, MemoryConversations, MemoryJournal, MemoryStore,
    Merge, NewRun, RunQuery, RunState, RunStatus, Store, Thread, ValueDelta, WorkerId,
};

#[cfg(feature = "sqlite")]
pub use mainstem_store::SqliteStore;

// Errors, and the values that everything is made of.
pub use mainstem_core::{
    Error, ErrorInfo, ErrorKind, Json, Result, StepError, StepResult, Text, UpstreamError,
};

// What can be implemented: steps, tools and models.
pub use mainstem_core::{
    Backoff, Model, ModelEvent, ModelRequest, ModelStream, NextAttempt, PlanShape, Recall, Step,
    StepPlan, StepWrapper, TimedStream, WrappedStep,
};

// Layers: models around models.
#[cfg(feature = "cache")]
pub use mainstem_models::Cache;
pub use mainstem_models::{Breaker, Limiter, ModelExt, Recovery, RecoveryBuilder, WhenCut};

#[cfg(feature = "test-util")]
pub use mainstem_core::test_util;
/// Tools from MCP servers.
#[cfg(feature = "mcp")]
pub use mainstem_mcp as mcp;
/// Models over HTTP.
pub use mainstem_models as models;
pub use mainstem_models::model;
/// How far a run has come, as a tree.
#[cfg(feature = "progress")]
pub use mainstem_progress as progress;
/// Runs over HTTP.
#[cfg(feature = "serve")]
pub use mainstem_serve as serve;
/// JSON checked against a schema.
pub use mainstem_structured as structured;
/// schemars, whose `JsonSchema` a typed output has.
///
/// A type that derives it by this path needs no `schemars` of its own:
///
/// ```
/// #[derive(mainstem::schemars::JsonSchema)]
/// #[schemars(crate = "mainstem::schemars")]
/// struct Bird {
///     name: String,
/// }
/// ```
pub use schemars;

/// What most programs need: `use mainstem::prelude::*;`.
pub mod prelude {
    pub use mainstem_agent::{Agent, ToolExt, step_tool, tool_fn};
    pub use mainstem_core::{
        Context, Event, EventKind, Key, Message, Model, ModelSettings, Run, RunContext, RunStream,
        Step, StepError, StepResult, TimeLimits,
    };
    pub use mainstem_flow::{
        Flow, Retry, at_most, blocking, by, by_step, by_value, each, fallback, named, optional,
        retry, time_limit, up_to, weighted, when, with,
    };
    pub use mainstem_models::ModelExt;
}

/// The book's pages, whose code blocks are tests.
#[cfg(all(
    doctest,
    feature = "cache",
    feature = "demo",
    feature = "mcp",
    feature = "serve",
    feature = "sqlite",
    feature = "test-util"
))]
mod book;
