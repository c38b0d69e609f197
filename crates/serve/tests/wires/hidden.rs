//! What readers of events aren't shown.

use mainstem_core::{Event, EventKind};
use mainstem_serve::wire::{Format, ws::Message};
use serde_json::json;

use super::log::{finished, play, started};

/// Ends of steps that changed the context.
fn steps() -> [Event; 2] {
    let changed = json!({"values": {"database": {"merge": "conflict", "value": "hunter2"}}});
    let event = |seq, kind, mut data: serde_json::Value| {
        data["context_delta"] = changed.clone();
        let event = json!({"seq": seq, "path": "login", "type": kind, "data": data});
        serde_json::from_value::<Event>(event).unwrap()
    };
    [
        event(2, "step_finished", json!({"output": "shown", "usage": {}})),
        event(
            3,
            "step_failed",
            json!({"error": {"kind": "step", "message": "shown"}}),
        ),
    ]
}

#[tokio::test]
async fn what_a_step_changed_in_the_context_is_for_the_log_alone() {
    let is_there = |event: &Event| match &event.kind {
        EventKind::StepFinished(finished) => finished.context_delta.is_some(),
        EventKind::StepFailed(failed) => failed.context_delta.is_some(),
        _ => false,
    };
    assert!(steps().iter().all(is_there));
    for format in Format::ALL {
        let log = [started()].into_iter().chain(steps()).chain([finished(4)]);
        let (body, _) = play(*format, log.map(Ok).collect(), None).await;
        let body = String::from_utf8_lossy(&body);
        assert!(
            !body.contains("hunter2") && !body.contains("context_delta"),
            "{body}"
        );
        if !format.is_append_only() {
            assert_eq!(body.matches("shown").count(), 2, "{body}");
        }
    }
    let contains = |text: &[u8], word: &str| String::from_utf8_lossy(text).contains(word);
    for event in steps() {
        let Some(Message::Text(text)) = Message::of(&event) else {
            panic!("no text");
        };
        assert!(contains(&text, "shown") && !contains(&text, "hunter2"));
    }
}
