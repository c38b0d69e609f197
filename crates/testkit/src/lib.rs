//! A scripted model server over real sockets, for tests of applications that stream.

mod completion;
mod connection;
mod delivery;
mod dialect;
mod gate;
mod json;
mod log;
mod plan;
mod recorded;
mod refusal;
mod reply;
mod request;
mod script;
mod server;
mod shape;
mod step;
mod steps;
pub mod strict;
mod wire;

pub use delivery::Framing;
pub use dialect::{Field, LineEnd, UsageShape};
pub use gate::Gate;
pub use log::Disconnect;
pub use recorded::Recorded;
pub use reply::Reply;
pub use server::{ScriptedServer, ServerBuilder};
