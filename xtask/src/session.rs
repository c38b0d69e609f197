//! How other programs are run: where, with which environment and for how long.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What one stage knows about the run it is part of.
pub(crate) struct Session {
    pub(crate) root: PathBuf,
    /// Nobody is watching: no colours, no incremental builds.
    pub(crate) ci: bool,
    pub(crate) fast: bool,
    limit: Duration,
    deadline: Instant,
}

impl Session {
    pub(crate) fn start(root: &Path, fast: bool, limit: Duration) -> Self {
        Self {
            root: root.to_path_buf(),
            ci: env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false"),
            fast,
            limit,
            deadline: Instant::now() + limit,
        }
    }

    pub(crate) fn cargo<const N: usize>(&self, args: [&str; N]) -> Run<'_> {
        self.run("cargo").args(args)
    }

    pub(crate) fn run(&self, program: &str) -> Run<'_> {
        let mut command = self.command(program);
        command.env("PATH", search_path());
        // `cargo run` describes this very program to it; what it starts must not
        // take that for itself, or it builds differently than at the prompt.
        for (name, _) in env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        if self.ci {
            command
                .env("CARGO_TERM_COLOR", "never")
                .env("CARGO_INCREMENTAL", "0");
        }
        Run {
            session: self,
            command,
        }
    }

    /// A program in the root of the workspace, without input, that [`Self::wait`] can end.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        if self.ci {
            // At a desk Ctrl-C must reach the child, so there it stays in our group.
            command.process_group(0);
        }
        command
    }

    /// Waits for `child`, but no longer than `limit` and the stage allow.
    /// `None`: it was killed.
    pub(crate) fn wait(
        &self,
        child: &mut Child,
        limit: Duration,
    ) -> io::Result<Option<ExitStatus>> {
        let deadline = self.deadline.min(Instant::now() + limit);
        let status = wait_until(child, deadline)?;
        if status.is_none() {
            self.kill(child)?;
        }
        Ok(status)
    }

    fn kill(&self, child: &mut Child) -> io::Result<()> {
        if self.ci {
            // The child leads its group: whatever it started goes with it.
            let kill = |signal: &str| {
                let script = format!("kill -s {signal} -- -{} 2>/dev/null", child.id());
                Command::new("sh").args(["-c", &script]).status()
            };
            // Ask first: nextest ends its tests, which have groups of their own.
            kill("TERM")?;
            thread::sleep(Duration::from_secs(3));
            kill("KILL")?;
        }
        child.kill()?;
        child.wait().map(drop)
    }
}

/// A program about to be run.
pub(crate) struct Run<'a> {
    session: &'a Session,
    command: Command,
}

impl Run<'_> {
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with its output shown; anything but success is an error.
    pub(crate) fn status(mut self) -> Result<()> {
        let line = self.line();
        println!("$ {line}");
        let child = self.command.spawn();
        self.finish(&line, child).map(drop)
    }

    /// Runs it and hands back what it wrote to its standard output.
    pub(crate) fn output(mut self) -> Result<String> {
        let line = self.line();
        let mut child = self.command.stdout(Stdio::piped()).spawn();
        let stdout = child.as_mut().ok().and_then(|child| child.stdout.take());
        // Read beside the wait: a full pipe would stop the child.
        let reader = thread::spawn(move || {
            let mut text = String::new();
            stdout.map_or(Ok(0), |mut out| out.read_to_string(&mut text))?;
            io::Result::Ok(text)
        });
        self.finish(&line, child)?;
        match reader.join() {
            Ok(text) => text.with_context(|| format!("cannot read the output of `{line}`")),
            Err(_) => bail!("the reader of `{line}` panicked"),
        }
    }

    /// Runs it in silence: does it exist, and does it end well?
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = self.command.spawn();
        self.finish("", child).is_ok()
    }

    fn finish(&self, line: &str, child: io::Result<Child>) -> Result<()> {
        let mut child = child.with_context(|| format!("cannot start `{line}`"))?;
        let limit = self.session.limit;
        match self.session.wait(&mut child, limit)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("`{line}` failed ({status})"),
            None => bail!(
                "`{line}` was killed: the stage has a limit of {} s",
                limit.as_secs()
            ),
        }
    }

    fn line(&self) -> String {
        let mut line = self.command.get_program().to_string_lossy().into_owned();
        for arg in self.command.get_args() {
            line.push(' ');
            line.push_str(&arg.to_string_lossy());
        }
        line
    }
}

/// The PATH of what is run: `cargo install` may have put things where the caller
/// does not look.
fn search_path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    if let Some(bin) = cargo_bin() {
        path.push(":");
        path.push(bin);
    }
    path
}

/// Where `cargo install` puts programs.
pub(crate) fn cargo_bin() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    Some(
        home.or_else(|| Some(env::home_dir()?.join(".cargo")))?
            .join("bin"),
    )
}

fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(limit: Duration) -> Session {
        Session {
            ci: true,
            ..Session::start(Path::new("."), false, limit)
        }
    }

    #[test]
    fn output_is_handed_back() {
        let run = session(Duration::from_secs(20));
        let out = run
            .run("sh")
            .args(["-c", "echo $CARGO_TERM_COLOR"])
            .output();
        assert_eq!(out.unwrap(), "never\n");
    }

    #[test]
    fn failure_names_the_command() {
        let run = session(Duration::from_secs(20));
        let error = run.run("sh").args(["-c", "exit 3"]).status().unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn a_missing_program_is_named() {
        let run = session(Duration::from_secs(20));
        let error = run.run("no-such-program").status().unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }

    #[test]
    fn too_late_is_killed_with_what_it_started() {
        let run = session(Duration::from_millis(50));
        // The pipe closes only when the grandchild is gone too.
        let started = Instant::now();
        let error = run.run("sh").args(["-c", "sleep 60 & sleep 60"]).output();
        assert!(error.unwrap_err().to_string().contains("was killed"));
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn at_a_desk_too_late_is_killed_as_well() {
        let desk = Session {
            ci: false,
            ..session(Duration::from_millis(50))
        };
        let error = desk.run("sleep").args(["60"]).status().unwrap_err();
        assert!(error.to_string().contains("was killed"));
    }
}
