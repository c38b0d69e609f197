//! Flows: functions and agents chained into one streamed run.
//!
//! A [`Flow`] is built step by step, each taking what the one before gives; a wrong join doesn't
//! compile. A run of it is one stream of events, like that of an agent: every event says by its path
//! which step it comes from.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mainstem_core::Error> {
//! use mainstem_core::{RunContext, StepResult, TextDelta};
//! use mainstem_flow::Flow;
//!
//! async fn announce(ctx: RunContext, words: usize) -> StepResult<String> {
//!     ctx.emit(TextDelta::new("Counting … ")).await;
//!     Ok(format!("{words} words"))
//! }
//!
//! let flow = Flow::new("count")
//!     .step("split", |text: String| text.split_whitespace().count())
//!     .step("announce", announce);
//!
//! let mut run = flow.run_streamed("a jay is blue");
//! assert_eq!(run.next_text().await?.as_deref(), Some("Counting … "));
//! assert_eq!(run.await?.output, "4 words");
//! # Ok(())
//! # }
//! ```
//!
//! - [`Flow`]: the builder, and what is run.
//! - [`IntoStep`]: what can be a step: functions, agents, flows; [`with`] for functions that need
//!   something, [`blocking`] for those that block, [`named`] for a name of its own.
//! - [`IntoBranches`]: what can run in parallel; [`at_most`] bounds how many at once.
//! - [`Diagram`]: a picture of a flow, also with the state of a run on it.

mod child;
mod concurrent;
mod diagram;
mod flow;
mod into_step;
mod memory;
mod node;
mod resume;
mod retry_policy;
mod step;
mod value;

pub use diagram::{Diagram, DiagramState};
pub use flow::Flow;
pub use into_step::{IntoStep, marker};
pub use mainstem_core::function::{Function, StepOutput, With, with};
pub use retry_policy::Retry;
pub use step::{
    ask::{Ask, ask},
    blocking::{Blocking, BlockingStep, blocking},
    branch::{ArmKey, Branch, BranchStep, by, by_step, by_value},
    fallback::{Fallback, FallbackStep, fallback},
    function::FunctionStep,
    map::{Each, List, Map, each},
    named::{Name, named},
    optional::{Optional, OptionalStep, optional},
    parallel::{AtMost, IntoBranches, Parallel, at_most},
    race::{IntoRace, Race},
    repeat::{Repeat, Until, UpTo, up_to},
    retry::{RetryStep, Retrying, retry},
    time_limit::{TimeLimit, time_limit},
    weighted::{Weight, weighted},
    when::{When, WhenStep, when},
    wrapped::Wrapped,
};
pub use value::StepValue;
