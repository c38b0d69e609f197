//! Conversations that go on until a typed value is complete.
#![allow(clippy::unwrap_used, clippy::panic)]

use mainstem_agent::{Agent, Interview, InterviewTurn};
use mainstem_core::{
    Context, ErrorKind, Event, EventKind, MemoryStore, Outcome, Result, Run, Suspension,
    test_util::ScriptedModel,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Booking {
    /// Who comes.
    name: String,
    #[schemars(range(min = 1, max = 4))]
    people: u8,
    wishes: Option<String>,
}

fn ann() -> Booking {
    Booking {
        name: "Ann".to_owned(),
        people: 2,
        wishes: None,
    }
}

/// An interview whose reader and whose questions are scripted apart.
fn interview(reader: &ScriptedModel, asker: &ScriptedModel) -> Interview<Booking> {
    Agent::builder(asker.clone())
        .name("booking")
        .instructions("You are a hotel.")
        .interview::<Booking>()
        .reader(Agent::builder(reader.clone()).instructions("Today is Monday."))
        .max_questions(2)
        .build()
        .unwrap()
}

fn reader(known: &[Value]) -> ScriptedModel {
    known.iter().fold(ScriptedModel::new(), |model, known| {
        model.answer([known.to_string()])
    })
}

fn two_turns() -> (ScriptedModel, ScriptedModel) {
    let known = [
        json!({"name": "Ann", "people": null, "wishes": null}),
        json!({"name": "Ann", "people": 2}),
    ];
    let asker = ScriptedModel::new().answer(["How ", "many?"]);
    (reader(&known), asker)
}

#[tokio::test]
async fn a_chat_goes_on_until_all_is_known() -> Result<()> {
    let (reader, asker) = two_turns();
    let interview = interview(&reader, &asker);
    let ctx = Context::new();
    let mut turn = interview.say("It's Ann.").context(&ctx).stream();
    let mut text = Vec::new();
    while let Some(piece) = turn.next_text().await? {
        text.push(piece.to_string());
    }
    assert_eq!(text, ["How ", "many?"]);
    let question = InterviewTurn::Question("How many?".to_owned());
    assert_eq!(turn.await?.output, question);
    let result = interview.say("The two of us.").context(&ctx).await?;
    assert_eq!(result.output, InterviewTurn::Complete(ann()));
    assert!(ctx.messages().is_empty());
    let thread = ctx.thread("booking").messages();
    let talk: Vec<_> = thread.iter().map(|it| it.text()).collect();
    assert_eq!(talk, ["It's Ann.", "How many?", "The two of us."]);
    Ok(())
}

#[tokio::test]
async fn who_asks_is_told_what_is_missing_and_who_reads_gets_the_talk() -> Result<()> {
    let (reader, asker) = two_turns();
    let interview = interview(&reader, &asker);
    let ctx = Context::new();
    interview.say("It's {{Ann}}.").context(&ctx).await?;
    interview.say("The two of us.").context(&ctx).await?;
    let asked = &asker.requests()[0];
    let told = asked.instructions.as_ref().unwrap();
    assert!(told.starts_with("You are a hotel.\n\n"), "{told}");
    assert!(told.contains("Still needed:\n- people\n"), "{told}");
    assert!(!told.contains("Ann"), "{told}");
    let read = &reader.requests()[1];
    assert!(
        read.instructions
            .as_ref()
            .unwrap()
            .starts_with("Today is Monday.")
    );
    assert_eq!(
        serde_json::from_str::<Value>(&read.messages[0].text()).unwrap(),
        json!([
            {"person": "It's {{Ann}}."},
            {"assistant": "How many?"},
            {"person": "The two of us."},
        ])
    );
    assert_eq!(read.messages.len(), 1);
    let schema = read.output.as_ref().unwrap().schema.as_value();
    assert!(schema.get("required").is_none(), "{schema}");
    Ok(())
}

#[tokio::test]
async fn what_is_out_of_bounds_is_asked_for_again_with_why() -> Result<()> {
    let reader = reader(&[json!({"name": "Ann", "people": 9})]);
    let asker = ScriptedModel::new().answer(["Four at most, sorry. How many?"]);
    let turn = interview(&reader, &asker)
        .say("Ann. Nine of us.")
        .await?
        .output;
    assert!(matches!(turn, InterviewTurn::Question(_)));
    let told = asker.requests()[0].instructions.clone().unwrap();
    assert!(told.contains("doesn't fit yet"), "{told}");
    assert!(told.contains("at /people"), "{told}");
    Ok(())
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(!try_from)]
struct Stay {
    from: u8,
    to: u8,
}

#[derive(Deserialize)]
struct Written {
    from: u8,
    to: u8,
}

impl TryFrom<Written> for Stay {
    type Error = &'static str;

    fn try_from(Written { from, to }: Written) -> Result<Self, &'static str> {
        match from < to {
            true => Ok(Self { from, to }),
            false => Err("the end is before the beginning"),
        }
    }
}

#[tokio::test]
async fn what_the_type_refuses_is_asked_for_again_with_why() -> Result<()> {
    let reader = reader(&[json!({"from": 5, "to": 3}), json!({"from": 3, "to": 5})]);
    let asker = ScriptedModel::new().answer(["When do you leave?"]);
    let stay = Agent::builder(asker.clone())
        .interview::<Stay>()
        .reader(Agent::builder(reader))
        .build()?;
    let ctx = Context::new();
    let first = stay
        .say("The fifth to the third.")
        .context(&ctx)
        .await?
        .output;
    assert_eq!(
        first,
        InterviewTurn::Question("When do you leave?".to_owned())
    );
    let told = asker.requests()[0].instructions.clone().unwrap();
    assert!(
        told.contains(r#"no instruction: "the end is before the beginning""#),
        "{told}"
    );
    let second = stay
        .say("The third to the fifth!")
        .context(&ctx)
        .await?
        .output;
    assert_eq!(second, InterviewTurn::Complete(Stay { from: 3, to: 5 }));
    Ok(())
}

#[tokio::test]
async fn questions_come_to_an_end() -> Result<()> {
    let nothing = json!({"name": null});
    let reader = reader(&[nothing.clone(), nothing.clone(), nothing]);
    let asker = ScriptedModel::new().always(["Who?"]);
    let interview = interview(&reader, &asker);
    let ctx = Context::new();
    for _ in 0..2 {
        let turn = interview.say("Hm.").context(&ctx).await?.output;
        assert_eq!(turn, InterviewTurn::Question("Who?".to_owned()));
    }
    let error = interview.say("Hm!").context(&ctx).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Limit, Some("max_questions"))
    );
    assert_eq!(
        error.message(),
        "interview `booking` has asked its 2 questions, and still needs `name`, `people`; raise its \
         `max_questions`"
    );
    assert_eq!(asker.requests().len(), 2);
    Ok(())
}

fn suspension(outcome: Outcome<Booking>) -> Suspension {
    match outcome {
        Outcome::Suspended(suspension) => suspension,
        _ => panic!("it doesn't ask"),
    }
}

#[tokio::test]
async fn as_a_step_it_waits_for_answers_over_a_restart() -> Result<()> {
    let store = MemoryStore::new();
    let ctx = Context::new();
    ctx.add_user_message("Another matter.");
    let (first, asker) = two_turns();
    let run = interview(&first, &asker).run("It's Ann.").context(&ctx);
    let asked = suspension(run.store(store.clone()).outcome().await?);
    assert_eq!(asked.requests.len(), 1);
    assert_eq!(&*asked.requests[0].id, "answer[0]");
    assert_eq!(asked.requests[0].prompt, "How many?");

    // Another process: nothing that was done is done again.
    let second = reader(&[json!({"name": "Ann", "people": 2})]);
    let nobody = ScriptedModel::new();
    let answer = asked.answer("answer[0]", "The two of us.")?;
    let again = interview(&second, &nobody)
        .resume(answer)
        .store(store.clone());
    assert_eq!(again.await?.output, ann());
    assert!(nobody.requests().is_empty());
    let talk: Value = serde_json::from_str(&second.requests()[0].messages[0].text()).unwrap();
    assert_eq!(talk[1], json!({"assistant": "How many?"}));
    assert_eq!(talk[2], json!({"person": "The two of us."}));
    assert!(!talk.to_string().contains("Another matter"));
    Ok(())
}

#[tokio::test]
async fn two_in_one_session_know_nothing_of_each_other() -> Result<()> {
    let ctx = Context::new();
    let reader = reader(&[
        json!({"name": "Ann", "people": 2}),
        json!({"name": "Ann", "people": 2}),
    ]);
    let interview = interview(&reader, &ScriptedModel::new());
    interview.run("Ann, two.").context(&ctx).await?;
    interview.run("Ann, two!").context(&ctx).await?;
    let talk: Value = serde_json::from_str(&reader.requests()[1].messages[0].text()).unwrap();
    assert_eq!(talk, json!([{"person": "Ann, two!"}]));
    Ok(())
}

#[tokio::test]
async fn a_turn_that_was_cut_anywhere_goes_on() -> Result<()> {
    let events = {
        let (reader, asker) = two_turns();
        let mut run = interview(&reader, &asker).say("It's Ann.").stream();
        let mut events: Vec<Event> = Vec::new();
        while let Some(event) = run.next_event().await {
            events.push(event);
        }
        events
    };
    let is_read = |event: &Event| {
        matches!(event.kind, EventKind::StepFinished(_)) && event.path.to_string() == "booking/read"
    };
    let read = events.iter().position(is_read).unwrap();
    for cut in 1..events.len() {
        let store = MemoryStore::new();
        let ctx = Context::new();
        let (reader, asker) = two_turns();
        let run = interview(&reader, &asker).say("It's Ann.").context(&ctx);
        let mut run = run.store(store.clone()).stream();
        for _ in 0..cut {
            run.next_event().await.unwrap();
        }
        let id = run.id().clone();
        drop(run);
        let (reader, asker) = two_turns();
        let ctx = Context::new();
        let again = interview(&reader, &asker).resume_turn(&id).context(&ctx);
        let output = again.store(store).await?.output;
        assert_eq!(
            output,
            InterviewTurn::Question("How many?".to_owned()),
            "cut after {cut}"
        );
        assert_eq!(reader.requests().is_empty(), cut > read, "cut after {cut}");
        let thread = ctx.thread("booking").messages();
        let talk: Vec<_> = thread.iter().map(|it| it.text()).collect();
        assert_eq!(talk, ["It's Ann.", "How many?"], "cut after {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn it_takes_other_things_by_a_prompt() -> Result<()> {
    let reader = reader(&[json!({"name": "Ann", "people": 2})]);
    let interview = interview(&reader, &ScriptedModel::new());
    let step = interview.prompt(|name: &(String, u8)| format!("{}, {}", name.0, name.1));
    assert_eq!(Run::of(step, ("Ann".to_owned(), 2)).await?.output, ann());
    Ok(())
}

#[test]
fn what_cant_be_an_interview_is_refused() {
    let agent = || Agent::builder(ScriptedModel::new());
    for (error, message) in [
        (
            agent()
                .interview::<Booking>()
                .max_questions(0)
                .build()
                .err(),
            "0 questions",
        ),
        (
            agent().interview::<Vec<u8>>().build().err(),
            "a struct with named fields",
        ),
        (
            agent().interview::<Option<Booking>>().build().err(),
            "a struct with named fields",
        ),
        (
            agent().name(" ").interview::<Booking>().build().err(),
            "needs a name",
        ),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(message), "{error}");
    }
}
