//! What goes to which stream, and when.

use mainstem_testkit::{Gate, Reply};
use tokio::io::AsyncReadExt as _;

use crate::harness::{Done, chat, gated, mainstem, read, server, soon};

#[tokio::test]
async fn the_answer_streams_to_stdout_as_it_comes() {
    let gate = Gate::new();
    let server = server([gated("Half, ", &gate, "and the rest.")]).await;
    let mut child = chat(&server, &["Why?"]).spawn().unwrap();

    let mut stdout = child.stdout.take().unwrap();
    read(&mut stdout, "Half, ").await;
    assert!(!gate.is_open());
    gate.open();

    let mut rest = String::new();
    soon(stdout.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "and the rest.\n");
    let done = Done::after(child).await;
    assert_eq!((done.code, &*done.stderr), (Some(0), ""));
    assert_eq!(server.requests()[0].user_text(), Some("Why?"));
}

#[tokio::test]
async fn one_line_end_closes_the_answer() {
    for (text, printed) in [("jay", "jay\n"), ("jay\n", "jay\n"), ("jay\n\n", "jay\n\n")] {
        let server = server([Reply::text([text])]).await;
        Done::of(chat(&server, &["x"])).await.is(0, printed);
    }
}

#[tokio::test]
async fn reasoning_stays_out_of_pipes() {
    let reply = Reply::stream()
        .role()
        .reasoning("Let me see.")
        .content("42");
    let server = server([reply.finish("stop").done()]).await;
    let done = Done::of(chat(&server, &["x"])).await;
    assert_eq!((&*done.stdout, &*done.stderr), ("42\n", ""));
}

#[tokio::test]
async fn an_answer_that_was_cut_at_its_limit_has_a_note() {
    let reply = Reply::stream()
        .role()
        .content("jay")
        .finish("length")
        .done();
    let server = server([reply]).await;
    let done = Done::of(chat(&server, &["x"])).await;
    done.is(0, "jay\n");
    assert_eq!(
        done.stderr,
        "note: the answer was cut at its limit of tokens\n"
    );
}

#[tokio::test]
async fn pipes_get_the_answer_byte_by_byte() {
    let text = "\u{1b}[31mred\u{7}\r\nend";
    let server = server([Reply::text([text])]).await;
    Done::of(chat(&server, &["x"]))
        .await
        .is(0, &format!("{text}\n"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_reader_that_goes_away_ends_the_run_quietly() {
    let gate = Gate::new();
    let reply = Reply::stream().role().content("first\n").gate(&gate);
    let server = server([reply.repeat("more\n", 1_000_000)]).await;
    let mut child = chat(&server, &["x"]).spawn().unwrap();

    let mut stdout = child.stdout.take().unwrap();
    read(&mut stdout, "first\n").await;
    drop(stdout);
    gate.open();

    soon(server.disconnected(0)).await;
    let done = Done::after(child).await;
    assert_eq!((done.code, &*done.stderr), (Some(141), ""));
}

#[tokio::test]
async fn the_settings_reach_the_model() {
    let server = server([Reply::text(["jay"])]).await;
    let mut args = vec!["--system", "Be brief.", "--max-tokens", "7"];
    args.extend(["--temperature", "0.5", "Why?"]);
    Done::of(chat(&server, &args)).await.is(0, "jay\n");

    let request = &server.requests()[0];
    assert_eq!(request.body["model"], "m");
    assert_eq!(request.body["max_tokens"], 7);
    assert_eq!(request.body["temperature"], 0.5);
    assert_eq!(request.messages()[0]["content"], "Be brief.");
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn the_model_and_the_key_come_from_the_environment() {
    let server = server([Reply::text(["jay"])]).await;
    let mut command = mainstem(&["chat", "--base-url", &server.base_url(), "Why?"]);
    command
        .env("MAINSTEM_MODEL", "env")
        .env("MAINSTEM_API_KEY", "k");
    Done::of(command).await.is(0, "jay\n");
    let request = &server.requests()[0];
    assert_eq!(request.body["model"], "env");
    assert_eq!(request.header("authorization"), Some("Bearer k"));
}

#[tokio::test]
async fn a_key_without_a_wish_is_for_openai() {
    let server = server([Reply::text(["jay"])]).await;
    let mut command = mainstem(&["chat", "Why?"]);
    command
        .env("OPENAI_API_KEY", "k")
        .env("OPENAI_BASE_URL", server.base_url());
    Done::of(command).await.is(0, "jay\n");
    assert_eq!(server.requests()[0].body["model"], "gpt-5-mini");
}

#[tokio::test]
async fn help_tells_of_flags_variables_and_exit_codes() {
    for args in [&["--help"][..], &["chat", "--help"]] {
        let done = Done::of(mainstem(args)).await;
        assert_eq!(done.code, Some(0));
        for told in [
            "--json-schema <FILE>",
            "MAINSTEM_MODEL",
            "Exit codes:",
            "130  stopped",
        ] {
            assert!(done.stdout.contains(told), "{told}");
        }
        assert!(done.stdout.lines().all(|line| line.chars().count() <= 100));
    }
    let version = Done::of(mainstem(&["--version"])).await;
    version.is(0, &format!("mainstem {}\n", env!("CARGO_PKG_VERSION")));
}
