//! What the user of an agent sees: runs, conversations, stops.
#![allow(clippy::unwrap_used, clippy::panic)]
