//! One answer on a terminal: a spinner, colours, Markdown.

use std::process::Stdio;

use mainstem_testkit::{Gate, Reply};
use tokio::io::AsyncReadExt as _;

use crate::{
    harness::{gated, server, soon},
    pty::{DIM, Terminal, chat, colours},
};

const CLEAR_LINE: &str = "\u{1b}[2K";

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
        assert!(colours(&screen).is_empty(), "{screen:?}");
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

#[tokio::test]
async fn nor_by_way_of_markdown() {
    let server = server([Reply::text(["&#27;[2J `\u{9b}2J` jay"])]).await;
    let mut terminal = Terminal::start(chat(&server, &["x"]));
    terminal.sees("[2J ").await;
    terminal.sees("jay\r\n").await;
    assert!(!terminal.screen.contains("\u{1b}[2J") && !terminal.screen.contains('\u{9b}'));
    assert_eq!(terminal.ends().await.0, Some(0));
}

#[tokio::test]
async fn markdown_is_shown_while_it_comes() {
    let gate = Gate::new();
    let text = "# Jays\n\nThe **blue jay** is a bird of the family of crows, blue and white, and loud. The **eggs";
    let server = server([gated(text, &gate, "**:\n\n- 4\n- 5")]).await;
    let mut terminal = Terminal::start(chat(&server, &["x"]));
    terminal.sees("eggs").await;
    let paragraph = "The blue jay is a bird of the family of crows, blue and white, and loud. The";
    assert_eq!(terminal.looks(), format!("Jays\n\n{paragraph}\neggs"));
    assert!(terminal.screen.contains("\u{1b}[1mblue jay"));
    gate.open();
    terminal.sees("5\r\n").await;
    assert_eq!(
        terminal.looks(),
        format!("Jays\n\n{paragraph}\neggs:\n\n• 4\n• 5")
    );
}

#[tokio::test]
async fn markdown_can_be_had_as_it_comes() {
    let text = "# Jays\n\nThe **blue** jay";
    let server = server([
        Reply::text([text]),
        Reply::text([text]),
        Reply::text([text]),
    ])
    .await;
    let as_it_comes = text.replace('\n', "\r\n") + "\r\n";
    for command in [
        chat(&server, &["--plain", "x"]),
        chat(&server, &["x"]).env("NO_COLOR", "1"),
        chat(&server, &["x"]).env("TERM", "dumb"),
    ] {
        let mut terminal = Terminal::start(command);
        terminal.sees(&as_it_comes).await;
        assert_eq!(terminal.ends().await, (Some(0), String::new()));
    }
}
