//! What a model does on the wire of the Responses API.
#![allow(clippy::unwrap_used, clippy::panic)]

mod carried;
mod defects;
mod ends;
mod faults;
mod messages;
mod reading;
mod settings;
mod splits;
