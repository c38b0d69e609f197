//! Answers that fail after something of them was given.

use mainstem_core::{
    ErrorKind, FinishReason, Message, ModelEvent, ModelRequest, OutputMode, OutputSpec, Recall,
    Role, TimeLimits, Usage,
    test_util::{Script, ScriptedModel},
};
use mainstem_models::WhenCut;
use mainstem_structured::Schema;

use crate::{Named, Read, SECOND, cut, failing, half, recovery, said, status};

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
async fn what_is_held_back_has_a_limit() {
    let piece = ModelEvent::Text("x".repeat(1 << 20).into());
    let endless = (0..70).fold(Script::new(), |script, _| script.event(piece.clone()));
    let model = ScriptedModel::new().script(endless.clone().stall());
    let plan = recovery(&model).when_cut(WhenCut::Hold).build().unwrap();
    let read = Read::of(&plan, Recall::never()).await;
    assert_eq!((read.error().kind(), &*read.text), (ErrorKind::Limit, ""));
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn empty_pieces_are_none() {
    let model = ScriptedModel::new().script(cut("")).answer(["Jay"]);
    let plan = recovery(&model).build().unwrap();
    let read = Read::of(&plan, Recall::never()).await;
    assert_eq!((&*read.text, model.requests().len()), ("Jay", 2));
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
