//! Every way to end, but for signals: see `interrupt`.

use std::net::TcpListener;

use mainstem_testkit::Reply;

use crate::harness::{Done, KEY, TempFile, chat, mainstem, server, soon};

#[tokio::test]
async fn bad_usage_is_2_and_names_the_mend() {
    for (args, told) in [
        (&["chat", "--colour", "x"][..], "--colour"),
        (&["caht"], "caht"),
        (&["chat", "--timeout", "0", "x"], "more than 0"),
        (&["chat", "--timeout", "-1", "x"], "more than 0"),
        (&["chat", "--timeout", "1e300", "x"], "than a century"),
        (&["chat", "--timeout", "1e18", "x"], "than a century"),
        (&["chat", "--max-tokens", "-1", "x"], "--max-tokens"),
        (&["chat", "--max-tokens", "0", "x"], "--max-tokens"),
        (
            &["chat", "--base-url", "http://127.0.0.1:9/v1", "x"],
            "MAINSTEM_MODEL",
        ),
        (
            &["chat", "--base-url", "nonsense", "--model", "m", "x"],
            "http://",
        ),
        (
            &[
                "chat",
                "--base-url",
                "http://127.0.0.1:9/v1",
                "--model",
                "openai://m",
                "x",
            ],
            "--model m",
        ),
        (
            &["Why is the sky blue?"],
            "mainstem chat \"Why is the sky blue?\"",
        ),
        (&["chat", "--model", "nobody://m", "x"], "openrouter"),
        (&["chat", "--model", "openai://m", "x"], "OPENAI_API_KEY"),
        (&["chat", "--model", "ollama://m", ""], "prompt is empty"),
        (&["chat", "--model", "ollama://m"], "prompt is empty"),
    ] {
        Done::of(mainstem(args))
            .await
            .tells(2, "", &["error:", told]);
    }
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_is_2() {
    let no_json = TempFile::new("no-json", "{");
    let no_schema = TempFile::new("no-schema", "3");
    let remote = TempFile::new("remote", r#"{"$ref": "https://example.com/schema.json"}"#);
    let server = server([]).await;
    for (file, told) in [
        ("/there/is/none.json", "/there/is/none.json"),
        (no_json.path(), "isn't JSON"),
        (no_schema.path(), "an object or a boolean"),
        (remote.path(), "can't use its output's schema"),
    ] {
        let done = Done::of(chat(&server, &["--json-schema", file, "x"])).await;
        let error = format!("error: the JSON schema in {file} ");
        done.tells(2, "", &[&error, told]);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_refused_request_is_3_with_the_servers_words_and_without_the_key() {
    let words = format!("Incorrect API key provided: {KEY}.");
    let server = server([Reply::error_status(401, &words)]).await;
    let mut command = chat(&server, &["x"]);
    command
        .env("MAINSTEM_API_KEY", KEY)
        .env("OPENAI_API_KEY", "other");
    let done = Done::of(command).await;
    let chain = "error: `m` answered 401 Unauthorized; its key is that of the variable \
                 MAINSTEM_API_KEY\n  caused by: Incorrect API key provided: ";
    done.tells(3, "", &[chain]);
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some(&*format!("Bearer {KEY}"))
    );
    assert!(!done.stderr.contains(KEY));
}

#[tokio::test]
async fn a_key_that_is_told_in_mid_answer_is_not_shown() {
    let reply = Reply::stream()
        .role()
        .content("Half")
        .error(format!("{KEY} has run out"));
    let server = server([reply]).await;
    let mut command = chat(&server, &["x"]);
    command
        .env("MAINSTEM_API_KEY", KEY)
        .env("OPENAI_API_KEY", "other");
    let done = Done::of(command).await;
    done.tells(3, "Half\n", &["has run out"]);
    assert!(!done.stderr.contains(KEY), "{done:?}");
}

#[tokio::test]
async fn a_failing_server_is_3() {
    let server = server([Reply::error_status(500, "overloaded"), Reply::hang_up()]).await;
    Done::of(chat(&server, &["x"]))
        .await
        .tells(3, "", &["500", "caused by: overloaded"]);
    Done::of(chat(&server, &["x"]))
        .await
        .tells(3, "", &["before an answer"]);
}

#[tokio::test]
async fn no_server_is_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let done = Done::of(mainstem(&["chat", "--base-url", &url, "--model", "m", "x"])).await;
    done.tells(
        3,
        "",
        &["error: can't connect to `m`", "caused by: ", "refused"],
    );
}

#[tokio::test]
async fn an_error_in_mid_answer_is_3_and_keeps_the_text() {
    let reply = Reply::stream()
        .role()
        .content("Half")
        .error("out of memory");
    let server = server([reply]).await;
    let done = Done::of(chat(&server, &["x"])).await;
    done.tells(
        3,
        "Half\n",
        &["middle of its answer", "caused by: out of memory"],
    );
}

#[tokio::test]
async fn a_timeout_is_3_keeps_the_text_and_hangs_up() {
    let server = server([Reply::stream().role().content("Half").stall()]).await;
    let done = Done::of(chat(&server, &["--timeout", "1.5", "x"])).await;
    done.tells(3, "Half\n", &["error: ", "longer than 1.5s"]);
    soon(server.disconnected(0)).await;
}

#[tokio::test]
async fn a_refusal_is_3_and_is_told_on_stderr() {
    let reply = Reply::stream()
        .role()
        .refusal("I won't ")
        .refusal("do that.");
    let server = server([reply.finish("stop").done()]).await;
    let done = Done::of(chat(&server, &["x"])).await;
    done.is(3, "");
    assert_eq!(
        done.stderr,
        "I won't do that.\nerror: `m` refused to answer\n"
    );
}

#[tokio::test]
async fn an_answer_that_a_filter_cut_is_3_and_keeps_the_text() {
    let reply = Reply::stream().role().content("Half");
    let server = server([reply.finish("content_filter").done()]).await;
    let done = Done::of(chat(&server, &["x"])).await;
    done.tells(3, "Half\n", &["error: ", "filter"]);
}

#[tokio::test]
async fn an_answer_without_an_end_is_4_and_keeps_the_text() {
    let half = || Reply::stream().role().content("Half");
    let server = server([half().end(), half().cut(), half().done()]).await;
    for _ in 0..3 {
        Done::of(chat(&server, &["x"]))
            .await
            .tells(4, "Half\n", &["error: "]);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_1() {
    let server = server([Reply::text(["jay"])]).await;
    let mut command = chat(&server, &["x"]);
    command.stdout(
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    Done::of(command).await.tells(
        1,
        "",
        &["error: can't write to standard output\n  caused by: "],
    );
}
