//! Scripted doubles, in process.
//!
//! For tests of the wire, use the scripted server of `mainstem-testkit`.

mod scripted_model;

pub use scripted_model::{Script, ScriptedModel};
