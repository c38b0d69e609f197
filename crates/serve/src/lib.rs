//! Agents and flows over HTTP.
//!
//! A run is a stream of events; a [`wire`] folds it into the bytes of a response. That is all that
//! a handler needs: `run.into_sse()`. A server around named agents and flows, with sessions that go on
//! without their reader and are read again from any place, is built of the same parts.

mod body;
mod compress;
mod given;
mod guard;
mod listen;
mod metrics;
mod misfit;
mod refusal;
mod respond;
mod routes;
mod served;
mod server;
pub mod session;
pub mod wire;

pub use compress::Encoding;
pub use guard::{Credentials, Limits, Principal, Right};
pub use respond::{
    IntoWire, RUN_HEADER, ResponseOptions, RunEvents, WireResponse, respond, respond_sniffed,
};
pub use served::Served;
pub use server::Server;
pub use session::{
    ReadFrom, Reader, Session, SessionLimits, SessionStats, Sessions, SessionsBuilder, SlowReader,
    StartOptions, TakenUp, code,
};
pub use wire::{Format, NotAcceptable};
