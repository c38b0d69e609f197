//! Language models over HTTP.

#[cfg(feature = "demo")]
pub mod demo;
