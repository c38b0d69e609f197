//! Where the prompt comes from.

use mainstem_testkit::{Reply, ScriptedServer};
use tokio::process::Command;

use crate::harness::{Done, chat, mainstem, server};

async fn asked(command: impl Fn(&ScriptedServer) -> Command, input: &str) -> String {
    let server = server([Reply::text(["jay"])]).await;
    let done = Done::with_input(command(&server), input.as_bytes()).await;
    done.is(0, "jay\n");
    server.requests()[0].user_text().unwrap().to_owned()
}

#[tokio::test]
async fn a_pipe_is_one_prompt() {
    let piped = |server: &ScriptedServer| chat(server, &[]);
    assert_eq!(asked(piped, "one\n\ntwo\n").await, "one\n\ntwo");
}

#[tokio::test]
async fn a_pipe_follows_the_prompt() {
    let both = |server: &ScriptedServer| chat(server, &["Sum up:"]);
    assert_eq!(asked(both, "one\ntwo\n").await, "Sum up:\n\none\ntwo");
    assert_eq!(asked(both, "").await, "Sum up:");
}

#[tokio::test]
async fn without_a_command_it_is_chat() {
    let plain =
        |server: &ScriptedServer| mainstem(&["--model", "m", "--base-url", &server.base_url()]);
    assert_eq!(asked(plain, "Why?").await, "Why?");
}

#[tokio::test]
async fn a_pipe_without_a_text_is_2() {
    let server = server([]).await;
    let empty = Done::with_input(chat(&server, &[]), b" \n").await;
    empty.tells(2, "", &["error: the prompt is empty"]);
    let binary = Done::with_input(chat(&server, &[]), b"\xff\xfe").await;
    binary.tells(2, "", &["UTF-8"]);
}
