//! Client processes, seen from the process that starts them.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

use crate::errand::Errand;

/// Sends a client on an errand, and waits for its report.
pub(crate) fn run<T: DeserializeOwned>(errand: &Errand) -> Result<T> {
    run_under(&[], &errand.to_args())
}

/// As [`run`], with any arguments, under a program such as valgrind.
pub(crate) fn run_under<T: DeserializeOwned>(wrapper: &[OsString], args: &[String]) -> Result<T> {
    let mut paused = Paused::start(wrapper, args)?;
    drop(paused.process.stdin.take());
    let report = paused.report()?;
    let status = paused.process.wait()?;
    ensure!(status.success(), "the client ended with {status}");
    Ok(report)
}

/// A client that goes on until it is dropped.
pub(crate) struct Paused {
    process: Child,
}

impl Paused {
    pub(crate) fn new(errand: &Errand) -> Result<Self> {
        Self::start(&[], &errand.to_args())
    }

    fn start(wrapper: &[OsString], args: &[String]) -> Result<Self> {
        let mut words = wrapper.to_vec();
        words.push(std::env::current_exe()?.into());
        let process = Command::new(&words[0])
            .args(&words[1..])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} can't be started", words[0].display()))?;
        Ok(Self { process })
    }

    /// The line that the client prints once it is done, or has paused.
    pub(crate) fn report<T: DeserializeOwned>(&mut self) -> Result<T> {
        let output = self.process.stdout.take().context("the report is taken")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the client has ended without a report");
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
