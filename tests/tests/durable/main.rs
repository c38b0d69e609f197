//! Runs that outlive their process: killed at every event, and gone on with.
#![allow(clippy::unwrap_used, clippy::panic)]

mod approvals;
mod child;
mod crash;
mod guide;
mod interviews;
mod reader;
