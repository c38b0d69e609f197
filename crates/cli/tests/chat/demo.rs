//! Without a key there is the demo model.

use crate::harness::{Done, TempFile, mainstem};

#[tokio::test]
async fn without_a_key_the_demo_model_answers_and_says_what_it_is() {
    let done = Done::of(mainstem(&["chat", "How do I stop a run?"])).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stdout.trim().len() > 20 && done.stdout.ends_with('\n'),
        "{done:?}"
    );
    let notes: Vec<_> = done.stderr.lines().collect();
    assert!(
        matches!(&notes[..], [note] if note.starts_with("note: ")),
        "{notes:?}"
    );
    assert!(notes[0].contains("demo model") && notes[0].contains("OPENAI_API_KEY"));
}

#[tokio::test]
async fn keys_that_are_set_to_nothing_are_none() {
    let mut command = mainstem(&["chat", "How do I stop a run?"]);
    command.env("OPENAI_API_KEY", "").env("MAINSTEM_MODEL", " ");
    let done = Done::of(command).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("demo model"));
}

#[tokio::test]
async fn it_follows_a_schema() {
    let schema =
        r#"{"type": "object", "properties": {"eggs": {"type": "integer"}}, "required": ["eggs"]}"#;
    let file = TempFile::new("demo", schema);
    let args = [
        "chat",
        "--model",
        "demo",
        "--json-schema",
        file.path(),
        "A bird.",
    ];
    let done = Done::of(mainstem(&args)).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let bird: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert!(bird["eggs"].is_i64());
}
