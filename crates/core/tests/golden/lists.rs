//! What isn't known here stays as it came, also in the middle of a log.

use mainstem_core::{
    CancelledBy, ErrorInfo, ErrorKind, Event, EventKind, FinishReason, RunCancelled, TurnFinished,
};

const LOG: &str = concat!(
    r#"[{"seq":1,"epoch":1,"at":5,"path":"","type":"run_started","data":{"run":"r","name":"n"}},"#,
    r#"{"seq":2,"epoch":1,"at":6,"path":"a","type":"hologram","data":{"z":1.50, "a":[ 2 ]}},"#,
    r#"{"seq":3,"epoch":1,"at":6,"path":"a","type":"hologram","data":null},"#,
    r#"{"seq":4,"epoch":1,"at":6,"path":"a","type":"hologram"},"#,
    r#"{"seq":5,"epoch":1,"at":7,"path":"a","type":"turn_finished","data":{"finish_reason":"tired","usage":{"requests":1,"input_tokens":2,"cached_input_tokens":0,"output_tokens":3,"reasoning_tokens":0}}},"#,
    r#"{"seq":6,"epoch":1,"at":8,"path":"","type":"run_cancelled","data":{"by":"budget"}}]"#,
);

#[test]
fn a_log_with_unknown_kinds_and_words_is_written_as_it_was_read() {
    let events: Vec<Event> = serde_json::from_str(LOG).unwrap();
    assert_eq!(serde_json::to_string(&events).unwrap(), LOG);
    for event in &events[1..4] {
        assert!(matches!(&event.kind, EventKind::Unknown(it) if it.name == "hologram"));
    }
    let tired = FinishReason::Other("tired".into());
    assert!(matches!(
        &events[4].kind,
        EventKind::TurnFinished(TurnFinished { finish_reason, .. }) if *finish_reason == tired
    ));
    let budget = CancelledBy::Other("budget".into());
    assert!(matches!(
        &events[5].kind,
        EventKind::RunCancelled(RunCancelled { by, .. }) if *by == budget
    ));
}

#[test]
fn an_unknown_error_kind_is_read_as_other() {
    let json = r#"{"kind":"cosmic_ray","message":"a bit flipped"}"#;
    let info: ErrorInfo = serde_json::from_str(json).unwrap();
    assert_eq!(info.kind, ErrorKind::Other);
    assert_eq!(info.message, "a bit flipped");
    assert!(!info.retryable);
}

#[test]
fn the_kind_alone_is_written_as_type_and_data() {
    let event: Event = serde_json::from_str(&LOG[1..LOG.find("},{").unwrap() + 1]).unwrap();
    assert_eq!(
        serde_json::to_string(&event.kind).unwrap(),
        r#"{"type":"run_started","data":{"run":"r","name":"n"}}"#
    );
}
