//! The program as a process, and what it left behind.

use std::{path::PathBuf, process::Stdio, time::Duration};

use mainstem_testkit::{Gate, Reply, ScriptedServer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdout, Command},
};

pub(crate) const KEY: &str = "sk-a-secret-key";

/// The program, with an environment that holds nothing of the developer's own.
pub(crate) fn mainstem(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstem"));
    command
        .args(args)
        .env_clear()
        // Windows has no sockets without it.
        .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// `mainstem chat` with a model behind the scripted server.
pub(crate) fn chat(server: &ScriptedServer, args: &[&str]) -> Command {
    let mut command = mainstem(&["chat", "--model", "m", "--base-url", &server.base_url()]);
    command.args(args);
    command
}

pub(crate) async fn server(replies: impl IntoIterator<Item = Reply>) -> ScriptedServer {
    let server = ScriptedServer::start().await.unwrap();
    for reply in replies {
        server.push(reply);
    }
    server
}

/// An answer that begins with a text, and goes on behind the gate.
pub(crate) fn gated(before: &str, gate: &Gate, after: &str) -> Reply {
    let reply = Reply::stream().role().content(before).gate(gate);
    reply.content(after).finish("stop").done()
}

/// What is left of a program that has ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) async fn of(mut command: Command) -> Self {
        Self::after(command.spawn().unwrap()).await
    }

    /// Gives the program its standard input, and waits.
    pub(crate) async fn with_input(mut command: Command, input: &[u8]) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input).await.unwrap();
        drop(stdin);
        Self::after(child).await
    }

    pub(crate) async fn after(child: Child) -> Self {
        let output = soon(child.wait_with_output()).await.unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn is(&self, code: i32, stdout: &str) {
        assert_eq!((self.code, &*self.stdout), (Some(code), stdout), "{self:?}");
    }

    /// The end with a code, an output, and all of these on stderr.
    #[track_caller]
    pub(crate) fn tells(&self, code: i32, stdout: &str, stderr: &[&str]) {
        self.is(code, stdout);
        for told in stderr {
            assert!(self.stderr.contains(told), "{told:?} isn't in {self:?}");
        }
    }
}

/// Reads exactly this from stdout.
pub(crate) async fn read(stdout: &mut ChildStdout, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    soon(stdout.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

/// How long anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Fails a test that hangs, instead of hanging.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("it takes for ever")
}

/// A file that goes away with the test.
pub(crate) struct TempFile(PathBuf);

impl TempFile {
    pub(crate) fn new(name: &str, content: &str) -> Self {
        let name = format!("mainstem-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
