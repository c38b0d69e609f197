//! The commands of a conversation.

use mainstem_testkit::{Reply, ScriptedServer};
use serde_json::Value;

use crate::{
    harness::server,
    pty::{DIM, TempFolder, Terminal, chat},
};

async fn two() -> ScriptedServer {
    server([Reply::text(["A *bird*."]), Reply::text(["Blue."])]).await
}

/// What the second request said, role by role.
fn second(server: &ScriptedServer) -> Vec<Value> {
    let messages = server.requests()[1].messages().to_vec();
    messages
        .into_iter()
        .map(|message| message["content"].clone())
        .collect()
}

#[tokio::test]
async fn help_lists_them() {
    let mut terminal = Terminal::start(chat(&server([]).await, &[]));
    terminal.says("/help").await;
    for command in [
        "/clear",
        "/model [NAME]",
        "/save [FILE]",
        "/events",
        "/quit",
    ] {
        terminal.sees(command).await;
    }
    terminal.quits().await;
}

#[tokio::test]
async fn an_unknown_one_has_a_tip() {
    let server = server([]).await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.says("/hepl").await;
    terminal
        .sees("there is no command /hepl; did you mean /help?")
        .await;
    terminal.quits().await;
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_name_is_completed() {
    let mut terminal = Terminal::start(chat(&server([]).await, &[]));
    terminal.says("/he\t").await;
    terminal.sees("lists the commands").await;
    terminal.quits().await;
}

#[tokio::test]
async fn clear_forgets_what_was_said() {
    let server = two().await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.says("What is a jay?").await;
    terminal.says("/clear").await;
    terminal.sees("forgotten").await;
    terminal.says("Which colour?").await;
    terminal.sees("Blue.").await;
    terminal.quits().await;
    assert_eq!(second(&server), ["Which colour?"]);
}

#[tokio::test]
async fn model_shows_and_changes_it_and_keeps_what_was_said() {
    let server = two().await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.says("What is a jay?").await;
    terminal.says("/model openai://n").await;
    terminal.sees("OPENAI_API_KEY").await;
    terminal.says("/model").await;
    terminal.sees("The model is m (").await;
    terminal.says("/model other").await;
    terminal.sees("The model is other (/model)").await;
    terminal.says("Which colour?").await;
    terminal.sees("Blue.").await;
    terminal.quits().await;
    assert_eq!(server.requests()[1].body["model"], "other");
    assert_eq!(
        second(&server),
        ["What is a jay?", "A *bird*.", "Which colour?"]
    );
}

#[tokio::test]
async fn system_changes_the_instructions() {
    let server = two().await;
    let mut terminal = Terminal::start(chat(&server, &["--system", "Be brief."]));
    terminal.says("What is a jay?").await;
    terminal.says("/system").await;
    terminal.sees("Be brief.").await;
    terminal.says("/system Be long.").await;
    terminal.says("Which colour?").await;
    terminal.sees("Blue.").await;
    terminal.quits().await;
    assert_eq!(second(&server)[0], "Be long.");
}

#[tokio::test]
async fn retry_asks_again_in_place_of_the_answer() {
    let server = two().await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.says("/retry").await;
    terminal.sees("no question to ask again").await;
    terminal.says("What is a jay?").await;
    terminal.says("/retry").await;
    terminal.sees("Blue.").await;
    terminal.quits().await;
    assert_eq!(second(&server), ["What is a jay?"]);
}

#[tokio::test]
async fn events_shows_them_dim_and_text_again() {
    let server = two().await;
    let mut terminal = Terminal::start(chat(&server, &[]));
    terminal.says("/events").await;
    terminal.says("What is a jay?").await;
    terminal.sees(&format!("{DIM}{{\"seq\":")).await;
    terminal.sees("\"type\":\"run_finished\"").await;
    terminal.says("/events").await;
    terminal.says("Which colour?").await;
    terminal.sees("Blue.\r\n").await;
    terminal.quits().await;
}

#[tokio::test]
async fn save_writes_what_was_said_and_overwrites_nothing_unasked() {
    let folder = TempFolder::new("save");
    let server = server([Reply::text(["A *bird*."])]).await;
    let mut terminal = Terminal::start(chat(&server, &[]).current_dir(&folder.0));
    terminal.says("/save").await;
    terminal.sees("nothing was said yet").await;
    terminal.says("What is a jay?").await;
    terminal.says("/save").await;
    terminal.sees("Saved as chat.md.").await;
    let markdown = folder.read("chat.md");
    assert_eq!(
        markdown,
        "# A chat with m\n\n## You\n\nWhat is a jay?\n\n## Model\n\nA *bird*.\n"
    );

    terminal.says("/save").await;
    terminal.sees("Saved as chat-2.md.").await;
    std::fs::write(folder.0.join("mine.json"), "mine").unwrap();
    terminal.says("/save mine.json").await;
    terminal.sees("/save! mine.json overwrites it").await;
    assert_eq!(folder.read("mine.json"), "mine");
    terminal.says("/save! mine.json").await;
    terminal.sees("Saved as mine.json.").await;
    terminal.says("/save no/where.md").await;
    terminal.sees("can't write no/where.md").await;
    terminal.quits().await;

    let json: Value = serde_json::from_str(&folder.read("mine.json")).unwrap();
    assert_eq!(json["model"], "m");
    assert_eq!(json["messages"][1]["parts"][0]["text"], "A *bird*.");
}
