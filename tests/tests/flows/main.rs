//! What the user of a flow sees, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic)]

mod both_ways;
mod branches;
mod scenarios;
mod supplied;
