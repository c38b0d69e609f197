//! The examples are in the files beside this one: `cargo run -p mainstem-examples --example hello`.
