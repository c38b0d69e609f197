//! The types of Mainstem: for whoever integrates with it.
//!
//! Applications use the crate `mainstem`, which re-exports all of this. Here is what agents, flows,
//! models, tools and stores are made of:
//!
//! - [`Event`] and [`EventKind`]: what happens in a run, in one vocabulary.
//! - [`Run`], [`RunStream`], [`RunContext`]: a run, its reader's side, its steps' side.
//! - [`Context`]: what a session remembers.
//! - [`Message`], [`Part`], [`ModelSettings`]: what is said to models.
//! - [`Model`], [`Tool`], [`Step`], [`Store`], [`Journal`], [`Conversations`], [`TokenCounter`]: what
//!   can be implemented.
//! - [`Error`], and [`StepError`] for users' functions.
//!
//! # Features
//!
//! - `test-util`: `test_util`, scripted doubles for tests.

mod backoff;
mod context;
mod conversations;
mod error;
mod event;
mod finish_reason;
pub mod function;
mod id;
mod journal;
mod json;
mod message;
mod model;
mod path;
mod place;
mod plan;
mod run;
mod settings;
mod step;
mod step_wrapper;
mod store;
mod suspension;
mod sync;
#[cfg(feature = "test-util")]
pub mod test_util;
mod text;
mod time;
mod tokens;
mod tool;
mod traces;
mod type_name;
mod usage;

pub use backoff::Backoff;
pub use context::{
    Busy, Context, ContextDelta, ContextSnapshot, History, Key, Merge, Thread, ValueDelta,
};
pub use conversations::{Conversation, ConversationInfo, Conversations, MemoryConversations};
pub use error::{
    Error, ErrorInfo, ErrorKind, Partial, Result, StepError, StepResult, UpstreamError,
};
pub use event::*;
pub use finish_reason::FinishReason;
pub use id::RunId;
pub use journal::{Journal, JournalKey, MemoryJournal};
pub use json::Json;
pub use message::{
    MediaPart, MediaSource, Message, Part, ReasoningPart, Role, TextPart, ToolCallPart,
    ToolResultPart,
};
pub use model::{
    Model, ModelEvent, ModelRequest, ModelStream, NextAttempt, OutputMode, OutputSpec, Recall,
    TimeLimits, TimedStream,
};
pub use path::{Segment, StepPath};
pub use place::{Epoch, Place, Seq};
pub use plan::{PlanShape, StepPlan};
pub use run::{
    AppendOnly, Appended, ChunkBatches, ItemStream, Labelled, Merged, MergedText, Outcome,
    PartialView, PatchStream, Question, Resume, Run, RunContext, RunFuture, RunResult, RunStream,
    Said, Spending, StepScope, Stepped, StopHandle, TextStream, merge,
};
pub use settings::{ModelSettings, ReasoningEffort, ToolChoice};
pub use step::Step;
pub use step_wrapper::{StepWrapper, WrappedStep};
pub use store::{Durability, MemoryStore, NewRun, RunQuery, RunState, RunStatus, Store, WorkerId};
pub use suspension::{Answer, InputRequest, Suspension};
pub use text::Text;
pub use time::Timestamp;
pub use tokens::{RoughTokens, TokenCounter};
pub use tool::{Approval, Tool, ToolPolicy, ToolSpec, WhenToolFails};
pub use traces::{SpanLinks, Traces};
pub use usage::{Cost, ModelUsage, Price, Prices, Usage, UsageLimits};
