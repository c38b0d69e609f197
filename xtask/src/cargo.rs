//! The stages that are one call of cargo.

use anyhow::{Context, Result};

use crate::session::Session;
use crate::stages::Outcome;
use crate::tools;

pub(crate) fn fmt(session: &Session) -> Result<Outcome> {
    let fmt = session.cargo(["fmt", "--all", "--check"]).status();
    fmt.context("not formatted, `cargo fmt --all` mends it")?;
    Outcome::OK
}

pub(crate) fn nextest(session: &Session) -> Result<Outcome> {
    tools::require(session, "nextest")?;
    let profile = if session.ci { "ci" } else { "default" };
    session
        .cargo(["nextest", "run", "--workspace", "--all-features"])
        .args(["--profile", profile])
        .status()?;
    Outcome::OK
}

/// Nextest runs no doctests.
pub(crate) fn doctest(session: &Session) -> Result<Outcome> {
    session
        .cargo(["test", "--workspace", "--doc", "--all-features"])
        .status()?;
    Outcome::OK
}

pub(crate) fn docs(session: &Session) -> Result<Outcome> {
    session
        .cargo(["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()?;
    Outcome::OK
}

pub(crate) fn deny(session: &Session) -> Result<Outcome> {
    tools::require(session, "deny")?;
    session
        .cargo(["deny", "check", "bans", "licenses", "sources"])
        .status()?;
    Outcome::OK
}
