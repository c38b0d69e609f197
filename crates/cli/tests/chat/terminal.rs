//! The program on a terminal: a conversation, a spinner, colours.

use std::process::Stdio;

use mainstem_testkit::{Gate, Reply, ScriptedServer};
use pty_process::{Command, Pty};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
};

use crate::harness::{gated, server, soon};

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const DIM: &str = "\u{1b}[2m";
const CLEAR_LINE: &str = "\u{1b}[2K";

/// The program at a terminal, and somebody who types and looks.
struct Terminal {
    pty: Pty,
    child: Child,
    screen: String,
    /// How much of the screen's bytes was looked at.
    seen: usize,
}

fn chat(server: &ScriptedServer, args: &[&str]) -> Command {
    Command::new(env!("CARGO_BIN_EXE_mainstem"))
        .args(["chat", "--model", "m", "--base-url", &server.base_url()])
        .args(args)
        .env_clear()
        .env("TERM", "xterm")
        .kill_on_drop(true)
}

impl Terminal {
    fn start(command: Command) -> Self {
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(pty_process::Size::new(24, 80)).unwrap();
        let child = command.spawn(pts).unwrap();
        Self {
            pty,
            child,
            screen: String::new(),
            seen: 0,
        }
    }

    async fn types(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).await.unwrap();
    }

    /// Waits until a text is shown, and returns what was shown before it since the last look.
    async fn sees(&mut self, text: &str) -> String {
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
        let count = soon(self.pty.read(&mut bytes)).await.unwrap_or(0);
        self.screen
            .push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }

    /// Waits for the end, and returns the exit code and what was shown since the last look.
    async fn ends(mut self) -> (Option<i32>, String) {
        while self.read().await {}
        let status = soon(self.child.wait()).await.unwrap();
        (status.code(), self.screen.split_off(self.seen))
    }
}

#[tokio::test]
async fn lines_are_answered_in_one_conversation() {
    let server = server([Reply::text(["A bird."]), Reply::text(["Blue."])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.sees("> ").await;
    terminal.types("What is a jay?\n").await;
    terminal.sees("A bird.\r\n").await;
    terminal.sees("> ").await;
    terminal.types("\n").await;
    terminal.sees("> ").await;
    terminal.types("Which colour?\n").await;
    terminal.sees("Blue.\r\n").await;
    terminal.sees("> ").await;
    terminal.types(CTRL_D).await;
    assert_eq!(terminal.ends().await.0, Some(0));

    let requests = server.requests();
    let asked = |index: usize| &requests[1].messages()[index]["content"];
    assert_eq!(requests.len(), 2);
    assert_eq!(
        (asked(0), asked(1), asked(2)),
        (
            &"What is a jay?".into(),
            &"A bird.".into(),
            &"Which colour?".into()
        )
    );
}

#[tokio::test]
async fn quit_ends_it() {
    let mut terminal = Terminal::start(chat(&server([]).await, &[]));
    terminal.sees("> ").await;
    terminal.types("/quit\n").await;
    assert_eq!(terminal.ends().await.0, Some(0));
}

#[tokio::test]
async fn ctrl_c_stops_an_answer_and_then_the_program() {
    let gate = Gate::new();
    let server = server([gated("A bi", &gate, "never"), Reply::text(["Blue."])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.sees("> ").await;
    terminal.types("What is a jay?\n").await;
    terminal.sees("A bi").await;

    terminal.types(CTRL_C).await;
    terminal.sees("stopped").await;
    soon(server.disconnected(0)).await;
    terminal.sees("> ").await;
    terminal.types("Which colour?\n").await;
    terminal.sees("Blue.\r\n").await;
    assert_eq!(
        server.requests()[1].messages()[0]["content"],
        "What is a jay?"
    );

    terminal.sees("> ").await;
    terminal.types(CTRL_C).await;
    assert_eq!(terminal.ends().await.0, Some(130));
}

#[tokio::test]
async fn a_failure_does_not_end_the_conversation() {
    let server = server([
        Reply::error_status(500, "overloaded"),
        Reply::text(["Blue."]),
    ])
    .await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.sees("> ").await;
    terminal.types("What is a jay?\n").await;
    terminal.sees("caused by: overloaded").await;
    terminal.sees("> ").await;
    terminal.types("Which colour?\n").await;
    terminal.sees("Blue.\r\n").await;
    terminal.sees("> ").await;
    terminal.types(CTRL_D).await;
    assert_eq!(terminal.ends().await.0, Some(0));
}

#[tokio::test]
async fn the_spinner_turns_until_the_first_word_and_leaves_no_trace() {
    let gate = Gate::new();
    let server = server([Reply::text(["jay"]).gate_head(&gate)]).await;
    let mut terminal = Terminal::start(chat(&server, &["x"]));
    terminal.sees("m …").await;
    gate.open();
    let before = terminal.sees("jay\r\n").await;
    let (_, after_last_turn) = before.rsplit_once("m …").unwrap_or(("", &before));
    assert!(after_last_turn.contains(CLEAR_LINE), "{before:?}");
    assert_eq!(terminal.ends().await, (Some(0), String::new()));
}

#[tokio::test]
async fn the_spinner_stays_out_of_the_pipe() {
    let gate = Gate::new();
    let server = server([Reply::text(["jay"]).gate_head(&gate)]).await;
    let command = chat(&server, &["x"]).stdout(Stdio::piped());
    let mut terminal = Terminal::start(command);
    terminal.sees("m …").await;
    gate.open();
    let mut stdout = terminal.child.stdout.take().unwrap();
    let mut answer = String::new();
    soon(stdout.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(answer, "jay\n");
    assert_eq!(terminal.ends().await.0, Some(0));
}

fn thoughtful() -> Reply {
    let reply = Reply::stream()
        .role()
        .reasoning("Let me ")
        .reasoning("see.");
    reply.content("42").finish("length").done()
}

#[tokio::test]
async fn thoughts_and_notes_are_dim() {
    let server = server([thoughtful()]).await;
    let mut terminal = Terminal::start(chat(&server, &["x"]));
    terminal.sees(&format!("{DIM}Let me ")).await;
    terminal.sees("see.").await;
    terminal.sees("\r\n42\r\n").await;
    terminal.sees(&format!("{DIM}note: ")).await;
    assert_eq!(terminal.ends().await.0, Some(0));
}

#[tokio::test]
async fn no_color_is_heeded() {
    let server = server([thoughtful(), Reply::error_status(500, "overloaded")]).await;
    for _ in 0..2 {
        let command = chat(&server, &["x"]).env("NO_COLOR", "1");
        let (_, screen) = Terminal::start(command).ends().await;
        let mut codes = screen.split("\u{1b}[").skip(1);
        let ends_as_colour = |code: &str| {
            let end = code.find(|c: char| c.is_ascii_alphabetic());
            end.is_some_and(|end| code[end..].starts_with('m'))
        };
        assert!(!codes.any(ends_as_colour), "{screen:?}");
    }
}

#[tokio::test]
async fn a_model_cannot_command_the_terminal() {
    let server = server([Reply::text(["\u{1b}]0;title\u{7}jay"])]).await;
    let mut terminal = Terminal::start(chat(&server, &["x"]));
    terminal.sees("]0;titlejay\r\n").await;
    assert!(!terminal.screen.contains("\u{1b}]0"));
    assert_eq!(terminal.ends().await.0, Some(0));
}
