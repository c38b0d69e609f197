//! A conversation: typing, streaming, stopping, history.

use std::process::Stdio;

use mainstem_testkit::{Gate, Reply};
use tokio::io::AsyncReadExt as _;

use crate::{
    harness::{gated, server, soon},
    pty::{CTRL_C, CTRL_D, DIM, ENTER, LEFT, TempFolder, Terminal, UP, chat, colours, mainstem},
};

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
async fn ctrl_c_stops_an_answer_and_keeps_what_was_said() {
    let gate = Gate::new();
    let server = server([gated("A bi", &gate, "never"), Reply::text(["Blue."])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.sees("> ").await;
    terminal.types("What is a jay?\n").await;
    terminal.sees("A bi").await;

    terminal.types(CTRL_C).await;
    terminal.sees("\r\n\u{1b}[2m(stopped)").await;
    soon(server.disconnected(0)).await;
    terminal.sees("> ").await;
    terminal.types("Which colour?\n").await;
    terminal.sees("Blue.\r\n").await;
    assert_eq!(
        server.requests()[1].messages()[0]["content"],
        "What is a jay?"
    );

    assert_eq!(server.requests()[1].messages()[1]["content"], "A bi");
    terminal.quits().await;
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
async fn it_begins_with_the_model_and_where_it_came_from() {
    let mut terminal = Terminal::start(chat(&server([]).await, &[]));
    terminal.sees("> ").await;
    let version = env!("CARGO_PKG_VERSION");
    let greeting = format!(
        "Mainstem {version} · m (--base-url)\n/help lists the commands, Ctrl-D quits\n\n> "
    );
    assert_eq!(terminal.looks(), greeting);
    terminal.types(CTRL_D).await;
    assert_eq!(terminal.ends().await.0, Some(0));
}

#[tokio::test]
async fn the_demo_model_says_that_it_is_one_and_says_so_once() {
    let mut terminal = Terminal::start(mainstem(&[]));
    terminal.sees("demo model, offline").await;
    terminal.sees("no key is set").await;
    terminal.sees("OPENAI_API_KEY").await;
    terminal.says("How do I stop a run?").await;
    terminal.sees("first token after").await;
    let screen = terminal.quits().await;
    assert!(!screen.contains("note:"), "{screen:?}");
}

#[tokio::test]
async fn a_line_can_be_edited() {
    let server = server([Reply::text(["Blue."])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.sees("> ").await;
    terminal.types(&format!("Whx\u{7f}?{LEFT}y{ENTER}")).await;
    terminal.sees("Blue.\r\n").await;
    terminal.quits().await;
    assert_eq!(server.requests()[0].user_text(), Some("Why?"));
}

#[tokio::test]
async fn a_question_may_have_lines() {
    let server = server([
        Reply::text(["One."]),
        Reply::text(["Two."]),
        Reply::text(["Three."]),
    ])
    .await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.sees("> ").await;
    let pasted = "\u{1b}[200~a\nb\u{1b}[201~";
    terminal.types(&format!("{pasted}{ENTER}")).await;
    terminal.sees("One.\r\n").await;
    terminal.says(&format!("a\\{ENTER}b")).await;
    terminal.sees("Two.\r\n").await;
    terminal.says("a\u{1b}\rb").await;
    terminal.sees("Three.\r\n").await;
    terminal.quits().await;
    for request in server.requests() {
        assert_eq!(request.user_text(), Some("a\nb"));
    }
}

#[tokio::test]
async fn ctrl_c_at_the_prompt_says_how_to_quit() {
    let mut terminal = Terminal::start(chat(&server([]).await, &[]));
    terminal.sees("> ").await;
    terminal.types(CTRL_C).await;
    terminal.sees("Ctrl-D or /quit").await;
    terminal.quits().await;
}

#[tokio::test]
async fn the_signal_at_the_prompt_ends_it() {
    let mut terminal = Terminal::start(chat(&server([]).await, &[]));
    terminal.sees("> ").await;
    let kill = format!("kill -INT {}", terminal.child.id().unwrap());
    let status = tokio::process::Command::new("sh")
        .args(["-c", &kill])
        .status()
        .await;
    assert!(status.unwrap().success());
    assert_eq!(terminal.ends().await.0, Some(130));
}

#[tokio::test]
async fn what_is_typed_while_it_answers_waits_for_the_prompt() {
    let gate = Gate::new();
    let server = server([gated("A bi", &gate, "rd."), Reply::text(["Blue."])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.says("What is a jay?").await;
    terminal.sees("A bi").await;
    terminal.types("Which colour?").await;
    gate.open();
    // Unbroken by what was typed.
    assert_eq!(terminal.sees("rd.\r\n").await, "");
    terminal.sees("> ").await;
    terminal.sees("colour?").await;
    terminal.types(ENTER).await;
    terminal.sees("Blue.").await;
    terminal.quits().await;
    assert_eq!(server.requests()[1].user_text(), Some("Which colour?"));
}

#[tokio::test]
async fn an_answer_ends_with_its_figures() {
    let server = server([Reply::text(["Blue."])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.says("Which colour?").await;
    terminal
        .sees(&format!("Blue.\r\n{DIM}first token after "))
        .await;
    terminal.sees(" s in all").await;
    terminal.quits().await;
}

#[tokio::test]
async fn lines_are_remembered_from_one_chat_to_the_next() {
    let folder = TempFolder::new("history");
    let file = folder.0.join("state/history");
    let server = server([
        Reply::text(["Blue."]),
        Reply::text(["Blue!"]),
        Reply::text(["Blue?"]),
    ])
    .await;
    let chat = |args: &[&str]| Terminal::start(chat(&server, args).env("MAINSTEM_HISTORY", &file));

    let mut terminal = chat(&[]);
    terminal.says("Which colour?").await;
    terminal.sees("Blue.").await;
    terminal.quits().await;
    assert!(folder.read("state/history").ends_with("\nWhich colour?\n"));

    let mut terminal = chat(&[]);
    terminal.says(UP).await;
    terminal.sees("Blue!").await;
    terminal.quits().await;
    assert_eq!(server.requests()[1].user_text(), Some("Which colour?"));

    let before = folder.read("state/history");
    let mut terminal = chat(&["--no-history"]);
    terminal.says("A secret?").await;
    terminal.sees("Blue?").await;
    terminal.quits().await;
    assert_eq!(folder.read("state/history"), before);
    is_private(&file);
}

fn is_private(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn only_the_answers_go_to_a_pipe() {
    let server = server([Reply::text(["**Blue.**"])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]).stdout(Stdio::piped()));
    terminal.says("Which colour?").await;
    let mut stdout = terminal.child.stdout.take().unwrap();
    let mut answer = [0; 10];
    soon(stdout.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"**Blue.**\n");
    terminal.quits().await;
    let mut rest = String::new();
    soon(stdout.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "");
}

#[tokio::test]
async fn no_color_is_heeded() {
    let server = server([
        Reply::text(["**Blue.**"]),
        Reply::error_status(500, "overloaded"),
    ])
    .await;
    let mut terminal = Terminal::start(chat(&server, &[]).env("NO_COLOR", "1"));
    terminal.says("Which colour?").await;
    terminal.sees("**Blue.**\r\n").await;
    terminal.says("/mo").await;
    terminal.says("Why?").await;
    terminal.sees("overloaded").await;
    let screen = terminal.screen.clone();
    terminal.quits().await;
    assert!(colours(&screen).is_empty(), "{screen:?}");
}

#[tokio::test]
async fn a_dumb_terminal_has_a_prompt_too() {
    let server = server([Reply::text(["Blue."])]).await;
    let command = chat(&server, &[])
        .env("TERM", "dumb")
        .stdout(Stdio::piped());
    let mut terminal = Terminal::start(command);
    terminal.says("Which colour?").await;
    let mut stdout = terminal.child.stdout.take().unwrap();
    let mut answer = [0; 6];
    soon(stdout.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"Blue.\n");
    terminal.quits().await;
}
