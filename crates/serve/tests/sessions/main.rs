//! Sessions: runs that go on without their reader, and are read again from any place.
#![allow(clippy::unwrap_used, clippy::panic)]

mod answers;
mod attached;
mod ends;
mod late;
mod random;
mod slow;
mod snapshot;
mod stress;
mod support;
mod workers;
