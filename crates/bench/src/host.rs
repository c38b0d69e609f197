//! The scripted server, seen from the process that started it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

pub(crate) struct Host {
    pub(crate) url: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Host {
    pub(crate) fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// With a size for the kernel's send buffers.
    pub(crate) fn with_send_buffer(bytes: u32) -> Result<Self> {
        Self::with(&["--send-buffer", &bytes.to_string()])
    }

    fn with(args: &[&str]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("server")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server can't be started")?;
        let input = process.stdin.take().context("the server has no input")?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut host = Self {
            url: String::new(),
            process,
            input,
            output: BufReader::new(output),
        };
        host.url = host.line()?;
        Ok(host)
    }

    /// How many bytes of bodies the kernel has taken so far.
    pub(crate) fn written(&mut self) -> Result<u64> {
        writeln!(self.input)?;
        Ok(self.line()?.parse()?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the server has ended");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
