//! Attempts at an answer, one after the other, under virtual time.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{
    Error, ErrorKind, FinishReason, Message, Model, ModelEvent, ModelRequest, ModelStream,
    NextAttempt, OutputMode, OutputSpec, Recall, Role, TimeLimits, Usage,
    test_util::{Script, ScriptedModel},
};
use mainstem_models::{Recovery, RecoveryBuilder, WhenCut};
use mainstem_structured::Schema;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A model of another name.
struct Named(&'static str, ScriptedModel);

impl Model for Named {
    fn id(&self) -> &str {
        self.0
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        self.1.stream(request)
    }
}

/// An answer as its reader has it.
#[derive(Debug, Default)]
struct Read {
    text: String,
    thoughts: String,
    calls: usize,
    attempts: Vec<NextAttempt>,
    waits: usize,
    notices: Vec<String>,
    usage: Usage,
    finished: Option<FinishReason>,
    error: Option<Error>,
    took: Duration,
}

impl Read {
    async fn of(model: &impl Model, recall: Recall) -> Self {
        let mut request = ModelRequest::new([Message::user("Hi?")]);
        request.recall = recall;
        Self::answer(model, request).await
    }

    async fn answer(model: &impl Model, request: ModelRequest) -> Self {
        let begin = Instant::now();
        let mut read = Self::default();
        let mut current = Usage::default();
        let mut events = model.stream(request);
        while let Some(item) = events.next().await {
            assert!(read.error.is_none(), "an item after an error: {item:?}");
            match item {
                Err(error) => read.error = Some(error),
                Ok(ModelEvent::NextAttempt(next)) => {
                    current = Usage::default();
                    read.usage += next.usage;
                    if next.is_void {
                        read.text.clear();
                        read.thoughts.clear();
                        read.calls = 0;
                    }
                    read.attempts.push(*next);
                }
                Ok(ModelEvent::Usage(usage)) => current = usage,
                Ok(event) => read.take(event),
            }
        }
        read.usage += current;
        read.took = begin.elapsed();
        read
    }

    fn take(&mut self, event: ModelEvent) {
        assert!(self.finished.is_none(), "after the end: {event:?}");
        match event {
            ModelEvent::Text(text) => self.text.push_str(&text),
            ModelEvent::Reasoning(text) => self.thoughts.push_str(&text),
            ModelEvent::ToolCall { .. } => self.calls += 1,
            ModelEvent::Waiting(_) => self.waits += 1,
            ModelEvent::Notice(notice) => self.notices.push(notice.code.to_string()),
            ModelEvent::Finished(reason) => self.finished = Some(reason),
            _ => {}
        }
    }

    fn error(&self) -> &Error {
        self.error.as_ref().unwrap_or_else(|| panic!("{self:?}"))
    }

    fn partial(&self) -> &str {
        &self.error().partial().unwrap().text
    }
}

fn status(status: u16) -> Error {
    let retryable = status == 429 || status >= 500;
    let message = format!("the model answered {status}");
    let error = Error::new(ErrorKind::Model, message).with_status(status);
    error.retryable(retryable)
}

fn failing(error: Error) -> Script {
    Script::new().fail(error)
}

/// Some text, and then the failure.
fn half(text: &str) -> Script {
    let started = ModelEvent::Started { request_id: None };
    Script::new()
        .event(started)
        .event(ModelEvent::Text(text.into()))
}

fn cut(text: &str) -> Script {
    half(text).fail(Error::new(ErrorKind::Truncated, "cut"))
}

fn recovery(model: &ScriptedModel) -> RecoveryBuilder {
    Recovery::of(model.clone())
        .backoff(SECOND, 8 * SECOND)
        .jitter(0.0)
}

fn said(request: &ModelRequest) -> Vec<String> {
    request.messages.iter().map(Message::text).collect()
}

#[tokio::test(start_paused = true)]
async fn before_the_first_piece_it_is_tried_again_after_pauses_that_grow() {
    let model = ScriptedModel::new()
        .script(failing(status(503)))
        .script(failing(status(429)))
        .answer(["Jay"]);
    let read = Read::of(&recovery(&model).build().unwrap(), Recall::never()).await;
    assert_eq!((&*read.text, read.finished.is_some()), ("Jay", true));
    assert_eq!(read.took, 3 * SECOND);
    assert_eq!((read.attempts.len(), read.waits), (2, 2));
    assert!(
        read.attempts
            .iter()
            .all(|next| !next.is_void && next.model.is_none())
    );
    assert_eq!(read.attempts[1].failed.status, Some(429));
    // What a server refuses costs a request, and no tokens.
    let mut usage = Usage::new(3, 1);
    usage.requests = 3;
    assert_eq!(read.usage, usage);
    assert_eq!(model.requests()[2], model.requests()[0]);
}

#[tokio::test(start_paused = true)]
async fn the_attempts_and_the_time_in_total_are_limited() {
    let failing = || (0..9).fold(ScriptedModel::new(), |m, _| m.script(failing(status(500))));
    let model = failing();
    let read = Read::of(
        &recovery(&model).attempts(4).build().unwrap(),
        Recall::never(),
    )
    .await;
    assert_eq!(read.error().status(), Some(500));
    assert_eq!((model.requests().len(), read.took), (4, 7 * SECOND));
    assert_eq!(read.partial(), "");

    let model = failing();
    let limited = recovery(&model).attempts(9).total(8 * SECOND);
    let read = Read::of(&limited.build().unwrap(), Recall::never()).await;
    assert_eq!((model.requests().len(), read.took), (4, 7 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_server_gets_the_pause_that_it_asks_for() {
    let busy = status(429).with_retry_after(20 * SECOND);
    let model = ScriptedModel::new()
        .script(failing(busy.clone()))
        .answer(["Jay"]);
    let read = Read::of(&recovery(&model).build().unwrap(), Recall::never()).await;
    assert_eq!((&*read.text, read.took), ("Jay", 20 * SECOND));

    // Longer than the longest pause: another model answers sooner.
    let model = ScriptedModel::new().script(failing(busy)).answer(["no"]);
    let other = ScriptedModel::new().answer(["Wren"]);
    let both = recovery(&model).fallback(Named("other", other));
    let read = Read::of(&both.build().unwrap(), Recall::never()).await;
    assert_eq!((&*read.text, read.took), ("Wren", Duration::ZERO));
    assert_eq!(read.attempts[0].model.as_deref(), Some("other"));
}

#[tokio::test(start_paused = true)]
async fn what_the_same_model_would_refuse_again_goes_to_the_next_one_at_once() {
    for code in [400, 401, 404] {
        let model = ScriptedModel::new().script(failing(status(code)));
        let other = ScriptedModel::new()
            .script(failing(status(503)))
            .answer(["Wren"]);
        let both = recovery(&model).fallback(Named("other", other.clone()));
        let read = Read::of(&both.build().unwrap(), Recall::never()).await;
        assert_eq!((&*read.text, read.took), ("Wren", SECOND));
        assert_eq!((model.requests().len(), other.requests().len()), (1, 2));
        assert_eq!(read.attempts[1].model, None);
    }
    let alone = ScriptedModel::new()
        .script(failing(status(401)))
        .answer(["no"]);
    let read = Read::of(&recovery(&alone).build().unwrap(), Recall::always()).await;
    assert_eq!(read.error().status(), Some(401));
    assert_eq!(alone.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_no_model_does_better_is_asked_of_none() {
    for kind in [ErrorKind::Output, ErrorKind::Refused, ErrorKind::Cancelled] {
        let model = ScriptedModel::new().script(failing(Error::new(kind, "no")));
        let other = ScriptedModel::new().answer(["no"]);
        let both = recovery(&model).fallback(other.clone());
        let read = Read::of(&both.build().unwrap(), Recall::always()).await;
        assert_eq!((read.error().kind(), other.requests().len()), (kind, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_nothing_follows_the_first_piece() {
    let model = ScriptedModel::new().script(cut("Ja")).answer(["Jay"]);
    let other = ScriptedModel::new().answer(["Wren"]);
    let both = recovery(&model).fallback(other.clone()).build().unwrap();
    let read = Read::of(&both, Recall::always()).await;
    assert_eq!((&*read.text, read.partial()), ("Ja", "Ja"));
    assert_eq!(read.error().kind(), ErrorKind::Truncated);
    assert_eq!((model.requests().len(), other.requests().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_on_where_it_was_cut_with_whoever_is_asked_next() {
    let model = ScriptedModel::new()
        .script(cut("One, t"))
        .script(failing(status(401)));
    let third = half("wo, th").event(ModelEvent::Usage(Usage::new(7, 2)));
    let other = ScriptedModel::new().script(third).answer(["ree"]);
    let both = recovery(&model)
        .when_cut(WhenCut::Continue)
        .fallback(Named("other", other.clone()));
    let read = Read::of(&both.build().unwrap(), Recall::never()).await;
    assert_eq!(read.text, "One, two, three");
    assert!(read.attempts.iter().all(|next| !next.is_void));
    let models: Vec<_> = read
        .attempts
        .iter()
        .map(|next| next.model.as_deref())
        .collect();
    assert_eq!(models, [None, Some("other"), None]);

    let requests = other.requests();
    assert_eq!(said(&requests[0])[..2], ["Hi?", "One, t"]);
    assert_eq!(said(&requests[1])[..2], ["Hi?", "One, two, th"]);
    assert_eq!(requests[1].messages[2].role, Role::User);
    assert_eq!(requests[1].messages.len(), 3);

    // The first was estimated: 1 token of words, 4 around them, 3 of the answer; and 2 written.
    assert!(read.usage.estimated && read.attempts[0].usage.estimated);
    assert_eq!(read.attempts[0].usage.input_tokens, 8);
    assert_eq!(read.attempts[0].usage.output_tokens, 2);
    assert_eq!(read.attempts[1].usage, Usage::new(0, 0));
    assert_eq!(read.attempts[2].usage, Usage::new(7, 2));
    assert_eq!(read.usage.requests, 4);
    assert_eq!(read.usage.output_tokens, 2 + 2 + 1);
}

#[tokio::test(start_paused = true)]
async fn every_way_to_break_off_is_a_failure() {
    let late = TimeLimits::NONE.between_events(2 * SECOND);
    let gave_up = || half("Ja").event(ModelEvent::Finished("error".into()));
    let scripts = [
        ("an error", half("Ja").fail(status(500)), ErrorKind::Model),
        ("no end", half("Ja"), ErrorKind::Truncated),
        ("given up", gave_up(), ErrorKind::Model),
        (
            "given up, and why",
            gave_up().fail(status(529)),
            ErrorKind::Model,
        ),
        ("a stall", half("Ja").stall(), ErrorKind::Timeout),
    ];
    for (name, script, kind) in scripts {
        let model = ScriptedModel::new().script(script.clone()).answer(["y"]);
        let plan = recovery(&model).time_limits(late);
        let read = Read::of(
            &plan.when_cut(WhenCut::Continue).build().unwrap(),
            Recall::never(),
        )
        .await;
        assert_eq!(
            (&*read.text, read.finished),
            ("Jay", Some(FinishReason::Stop)),
            "{name}"
        );
        assert_eq!(read.attempts[0].failed.kind, kind, "{name}");

        let model = ScriptedModel::new().script(script);
        let plan = recovery(&model).time_limits(late).build().unwrap();
        let read = Read::of(&plan, Recall::never()).await;
        assert_eq!(read.text, "Ja", "{name}");
        match name {
            "given up" => assert_eq!(read.finished, Some("error".into())),
            _ => assert_eq!(
                (read.error().kind(), read.partial()),
                (kind, "Ja"),
                "{name}"
            ),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_begins_anew_where_it_can_be_taken_back() {
    let script = || ScriptedModel::new().script(cut("Ja")).answer(["Wren"]);
    let model = script();
    let plan = recovery(&model).when_cut(WhenCut::Restart).build().unwrap();
    let read = Read::of(&plan, Recall::always()).await;
    assert_eq!(read.text, "Wren");
    assert!(read.attempts[0].is_void);
    assert_eq!(said(&model.requests()[1]), ["Hi?"]);

    let model = script();
    let plan = recovery(&model).when_cut(WhenCut::Restart).build().unwrap();
    let read = Read::of(&plan, Recall::never()).await;
    assert_eq!((read.partial(), model.requests().len()), ("Ja", 1));

    let model = ScriptedModel::new().script(cut("Ja")).answer(["y"]);
    let plan = recovery(&model)
        .when_cut(WhenCut::Restart)
        .when_cut_in_text(WhenCut::Continue);
    let read = Read::of(&plan.build().unwrap(), Recall::never()).await;
    assert_eq!(read.text, "Jay");
    assert_eq!(said(&model.requests()[1])[1], "Ja");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_gone_on_with_begins_anew_or_fails() {
    let call = ModelEvent::ToolCall {
        index: 0,
        id: "c".into(),
        name: "find".into(),
    };
    let refused = ModelEvent::Refusal("No".into());
    let scripts = [
        (
            "thoughts",
            Script::new().event(ModelEvent::Reasoning("hm".into())),
            "",
        ),
        ("a call", half("Ja").event(call), "Ja"),
        ("a refusal", half("Ja").event(refused), "Ja"),
        ("blanks", half(" \n"), " \n"),
    ];
    for (name, script, text) in scripts {
        let script = || ScriptedModel::new().script(script.clone()).answer(["Wren"]);
        let model = script();
        let plan = recovery(&model)
            .when_cut(WhenCut::Continue)
            .build()
            .unwrap();
        let read = Read::of(&plan, Recall::always()).await;
        assert_eq!(
            (&*read.text, read.calls, &*read.thoughts),
            ("Wren", 0, ""),
            "{name}"
        );
        assert!(read.attempts[0].is_void, "{name}");

        let model = script();
        let plan = recovery(&model)
            .when_cut(WhenCut::Continue)
            .build()
            .unwrap();
        let read = Read::of(&plan, Recall::never()).await;
        assert_eq!(
            (read.partial(), model.requests().len()),
            (text, 1),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_shown_once_and_whole() {
    let model = ScriptedModel::new().script(cut("Ja")).answer(["Wr", "en"]);
    let plan = recovery(&model).when_cut(WhenCut::Hold).build().unwrap();
    let read = Read::of(&plan, Recall::never()).await;
    assert_eq!((&*read.text, read.finished.is_some()), ("Wren", true));
    assert!(read.attempts.iter().all(|next| !next.is_void));
    assert_eq!(read.notices, ["held_back", "held_back"]);
    assert_eq!(read.usage.output_tokens, 1 + 2);

    let model = ScriptedModel::new().script(cut("Ja")).script(cut("Wr"));
    let plan = recovery(&model)
        .attempts(2)
        .when_cut(WhenCut::Hold)
        .build()
        .unwrap();
    let read = Read::of(&plan, Recall::never()).await;
    assert_eq!((&*read.text, read.partial()), ("", "Wr"));
}

#[tokio::test(start_paused = true)]
async fn what_a_model_repeats_at_the_seam_is_shown_once() {
    let said = "The sky is blue because the air scatters ";
    let rest = "because the air scatters short waves.";
    let model = ScriptedModel::new().script(cut(said)).answer([rest]);
    let plan = recovery(&model)
        .when_cut(WhenCut::Continue)
        .build()
        .unwrap();
    let read = Read::of(&plan, Recall::never()).await;
    assert_eq!(
        read.text,
        "The sky is blue because the air scatters short waves."
    );

    // Cut again while it may be a repetition: it is no part of the answer yet.
    let model = ScriptedModel::new()
        .script(cut(said))
        .script(cut("because the"))
        .answer(["short waves."]);
    let plan = recovery(&model)
        .when_cut(WhenCut::Continue)
        .build()
        .unwrap();
    let read = Read::of(&plan, Recall::never()).await;
    assert_eq!(
        read.text,
        "The sky is blue because the air scatters short waves."
    );
}

#[tokio::test(start_paused = true)]
async fn json_goes_on_unenforced_and_by_the_callers_words() {
    let model = ScriptedModel::new().script(cut("[1, ")).answer(["2]"]);
    let plan = recovery(&model)
        .when_cut(WhenCut::Continue)
        .go_on_by(|request, said| request.messages.push(Message::assistant(said)));
    let plan = plan.build().unwrap();
    let mut request = ModelRequest::new([Message::user("Hi?")]);
    let mut output = OutputSpec::new(Schema::any());
    output.mode = Some(OutputMode::StrictSchema);
    request.output = Some(output);
    let read = Read::answer(&plan, request).await;
    assert_eq!(read.text, "[1, 2]");
    let asked = &model.requests()[1];
    assert_eq!(said(asked), ["Hi?", "[1, "]);
    assert_eq!(
        asked.output.as_ref().unwrap().mode,
        Some(OutputMode::Prompt)
    );
}

#[tokio::test(start_paused = true)]
async fn recoveries_go_into_each_other() {
    let model = ScriptedModel::new()
        .script(cut("Ja"))
        .script(failing(status(401)));
    let inner = recovery(&model).when_cut(WhenCut::Restart).build().unwrap();
    let other = ScriptedModel::new().answer(["Wren"]);
    let outer = Recovery::of(inner.clone()).fallback(other).build().unwrap();
    let read = Read::of(&outer, Recall::always()).await;
    assert_eq!(read.text, "Wren");
    assert_eq!(read.attempts.len(), 2);
    assert_eq!(read.usage.requests, 3);

    // One that holds back can take back what its reader can't.
    let model = ScriptedModel::new().script(cut("Ja")).answer(["Wren"]);
    let inner = recovery(&model).when_cut(WhenCut::Restart).build().unwrap();
    let outer = Recovery::of(inner).when_cut(WhenCut::Hold).build().unwrap();
    let read = Read::of(&outer, Recall::never()).await;
    assert_eq!(read.text, "Wren");
    assert!(!read.attempts[0].is_void);
}

#[tokio::test(start_paused = true)]
async fn jitter_is_by_chance_or_by_its_seed() {
    let pauses = async |seed: Option<u64>| {
        let model = ScriptedModel::new()
            .script(failing(status(500)))
            .answer(["Jay"]);
        let plan = Recovery::of(model).backoff(10 * SECOND, 60 * SECOND);
        let plan = seed.into_iter().fold(plan, RecoveryBuilder::jitter_seed);
        Read::of(&plan.build().unwrap(), Recall::never()).await.took
    };
    let waits = [
        pauses(Some(1)).await,
        pauses(Some(2)).await,
        pauses(None).await,
        pauses(None).await,
    ];
    assert!(
        waits
            .iter()
            .all(|wait| (10 * SECOND..=15 * SECOND).contains(wait)),
        "{waits:?}"
    );
    assert_eq!(pauses(Some(1)).await, waits[0]);
    assert_ne!(waits[0], waits[1]);
    assert_ne!(waits[2], waits[3]);
}

#[test]
fn what_cannot_work_is_refused() {
    let build = || Recovery::of(ScriptedModel::new());
    for (wrong, words) in [
        (build().attempts(0), "no attempt"),
        (build().backoff(2 * SECOND, SECOND), "maximum"),
        (build().jitter(-1.0), "jitter"),
        (build().when_cut_in_text(WhenCut::Continue), "`Restart`"),
        (build().when_cut_in_text(WhenCut::Hold), "can't `Hold`"),
    ] {
        let error = wrong.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn id_and_output_mode_are_the_first_models() {
    struct Holds(Option<OutputMode>);
    impl Model for Holds {
        fn id(&self) -> &str {
            "holds"
        }
        fn stream(&self, _: ModelRequest) -> ModelStream {
            ModelStream::from_events([])
        }
        fn output_mode(&self, _: &OutputSpec) -> Option<OutputMode> {
            self.0
        }
    }
    use OutputMode::{JsonObject, Prompt, Schema as Plain, StrictSchema};
    let output = OutputSpec::new(Schema::any());
    for (first, second, expected) in [
        (Some(StrictSchema), Some(Plain), Some(StrictSchema)),
        (Some(StrictSchema), Some(Prompt), Some(Prompt)),
        (Some(JsonObject), Some(StrictSchema), Some(JsonObject)),
        (None, Some(StrictSchema), None),
        (Some(Plain), None, Some(Plain)),
    ] {
        let both = Recovery::of(Holds(first))
            .fallback(Holds(second))
            .build()
            .unwrap();
        assert_eq!((both.id(), both.output_mode(&output)), ("holds", expected));
    }
}
