//! The program at a terminal, and somebody who types and looks.

use std::path::Path;

use mainstem_testkit::ScriptedServer;
use pty_process::{Command, Pty};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
};

use crate::harness::{LIMIT, soon};

pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";
pub(crate) const UP: &str = "\u{1b}[A";
pub(crate) const LEFT: &str = "\u{1b}[D";
pub(crate) const ENTER: &str = "\r";
pub(crate) const DIM: &str = "\u{1b}[2m";

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

/// A terminal in which the program runs.
pub(crate) struct Terminal {
    pty: Pty,
    pub(crate) child: Child,
    /// All that was shown, with its codes.
    pub(crate) screen: String,
    /// How much of the screen's bytes was looked at.
    seen: usize,
}

/// `mainstem chat` with a model behind the scripted server.
pub(crate) fn chat(server: &ScriptedServer, args: &[&str]) -> Command {
    mainstem(&["chat", "--model", "m", "--base-url", &server.base_url()]).args(args)
}

/// The program, with an environment that holds nothing of the developer's own.
pub(crate) fn mainstem(args: &[&str]) -> Command {
    Command::new(env!("CARGO_BIN_EXE_mainstem"))
        .args(args)
        .env_clear()
        .env("TERM", "xterm")
        .kill_on_drop(true)
}

impl Terminal {
    pub(crate) fn start(command: Command) -> Self {
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(pty_process::Size::new(ROWS, COLUMNS)).unwrap();
        let child = command.spawn(pts).unwrap();
        Self {
            pty,
            child,
            screen: String::new(),
            seen: 0,
        }
    }

    pub(crate) async fn types(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).await.unwrap();
    }

    /// Waits until a text is shown, and returns what was shown before it since the last look.
    pub(crate) async fn sees(&mut self, text: &str) -> String {
        loop {
            let new = &self.screen[self.seen..];
            if let Some(at) = new.find(text) {
                let before = new[..at].to_owned();
                self.seen += at + text.len();
                return before;
            }
            assert!(
                self.read().await,
                "{text:?} isn't in {new:?}",
                new = &self.screen[self.seen..]
            );
        }
    }

    /// Reads on; false at the end, which is an error on Linux.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(LIMIT, self.pty.read(&mut bytes)).await;
        let Ok(count) = read else {
            panic!("nothing more comes after {:?}", &self.screen[self.seen..]);
        };
        let count = count.unwrap_or(0);
        self.screen
            .push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }

    /// Waits for the end, and returns the exit code and what was shown since the last look.
    pub(crate) async fn ends(mut self) -> (Option<i32>, String) {
        while self.read().await {}
        let status = soon(self.child.wait()).await.unwrap();
        (status.code(), self.screen.split_off(self.seen))
    }

    /// Types a line at the prompt.
    pub(crate) async fn says(&mut self, line: &str) {
        self.sees("> ").await;
        self.types(&format!("{line}{ENTER}")).await;
    }

    /// What stands on the screen now.
    pub(crate) fn looks(&self) -> String {
        let mut screen =
            vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0);
        screen.process(self.screen.as_bytes());
        screen.screen().contents()
    }

    /// Quits at the prompt, and returns what was shown since the last look.
    pub(crate) async fn quits(mut self) -> String {
        self.sees("> ").await;
        self.types(CTRL_D).await;
        let (code, screen) = self.ends().await;
        assert_eq!(code, Some(0));
        screen
    }
}

/// The codes of colours and other styles.
pub(crate) fn colours(screen: &str) -> Vec<&str> {
    let codes = screen.split("\u{1b}[").skip(1).filter_map(|code| {
        let end = code.find(|c: char| c.is_ascii_alphabetic())?;
        Some(&code[..=end])
    });
    codes.filter(|code| code.ends_with('m')).collect()
}

/// A folder that goes away with the test.
pub(crate) struct TempFolder(pub(crate) std::path::PathBuf);

impl TempFolder {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("mainstem-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn read(&self, file: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap()
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
