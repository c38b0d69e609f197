//! Each page of the book, and the README, as a module: so that their code blocks are tests.

#[doc = include_str!("../../../README.md")]
mod readme {}

#[doc = include_str!("../../../docs/agents.md")]
mod agents {}

#[doc = include_str!("../../../docs/cli.md")]
mod cli {}

#[doc = include_str!("../../../docs/context.md")]
mod context {}

#[doc = include_str!("../../../docs/errors.md")]
mod errors {}

#[doc = include_str!("../../../docs/events.md")]
mod events {}

#[doc = include_str!("../../../docs/examples.md")]
mod examples {}

#[doc = include_str!("../../../docs/faults.md")]
mod faults {}

#[doc = include_str!("../../../docs/flows.md")]
mod flows {}

#[doc = include_str!("../../../docs/getting-started.md")]
mod getting_started {}

#[doc = include_str!("../../../docs/guards.md")]
mod guards {}

#[doc = include_str!("../../../docs/interviews.md")]
mod interviews {}

#[doc = include_str!("../../../docs/limits.md")]
mod limits {}

#[doc = include_str!("../../../docs/mcp.md")]
mod mcp {}

#[doc = include_str!("../../../docs/models.md")]
mod models {}

#[doc = include_str!("../../../docs/progress.md")]
mod progress {}

#[doc = include_str!("../../../docs/prompts.md")]
mod prompts {}

#[doc = include_str!("../../../docs/recovery.md")]
mod recovery {}

#[doc = include_str!("../../../docs/resuming.md")]
mod resuming {}

#[doc = include_str!("../../../docs/routing.md")]
mod routing {}

#[doc = include_str!("../../../docs/runs.md")]
mod runs {}

#[cfg(feature = "serve")]
#[doc = include_str!("../../../docs/security.md")]
mod security {}

#[cfg(feature = "serve")]
#[doc = include_str!("../../../docs/serving.md")]
mod serving {}

#[cfg(feature = "serve")]
#[doc = include_str!("../../../docs/sessions.md")]
mod sessions {}

#[doc = include_str!("../../../docs/stores.md")]
mod stores {}

#[doc = include_str!("../../../docs/structured.md")]
mod structured {}

#[doc = include_str!("../../../docs/testing.md")]
mod testing {}

#[doc = include_str!("../../../docs/tools.md")]
mod tools {}

#[doc = include_str!("../../../docs/traces.md")]
mod traces {}

#[doc = include_str!("../../../docs/wires.md")]
mod wires {}
