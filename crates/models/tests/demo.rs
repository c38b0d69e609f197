//! The demo model: what it answers, and how.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{
    FinishReason, Message, Model, ModelEvent, ModelRequest, ModelSettings, Part, Result, Role,
    ToolCallPart, Usage,
};
use mainstem_models::demo::DemoModel;

async fn events(request: ModelRequest) -> Vec<ModelEvent> {
    let model = DemoModel::new().with_delay(Duration::ZERO);
    let events: Vec<Result<ModelEvent>> = model.stream(request).collect().await;
    events.into_iter().map(Result::unwrap).collect()
}

fn text(events: &[ModelEvent]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        ModelEvent::Text(text) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

fn usage(events: &[ModelEvent]) -> Usage {
    let usage = events.iter().find_map(|event| match event {
        ModelEvent::Usage(usage) => Some(*usage),
        _ => None,
    });
    usage.unwrap()
}

async fn ask(question: &str) -> String {
    text(&events(ModelRequest::new([Message::user(question)])).await)
}

#[tokio::test]
async fn newcomers_find_the_page() {
    let table = [
        (
            "How can I abort an answer that is still being generated?",
            "docs/runs.md",
            "Stop",
        ),
        (
            "Does it know what I said earlier in the conversation?",
            "docs/getting-started.md",
            "Hold a conversation",
        ),
        (
            "Can I get back a Rust struct rather than plain text?",
            "docs/getting-started.md",
            "",
        ),
        ("What is an event?", "docs/events.md", "Events»"),
        ("What is an agent?", "docs/agents.md", "Agents»"),
        ("What is a run?", "docs/runs.md", "Runs»"),
        ("What are stores?", "docs/stores.md", "Stores»"),
        (
            "What can be a step in a flow?",
            "docs/flows.md",
            "What can be a step",
        ),
        ("What can be a step?", "docs/flows.md", "What can be a step"),
        (
            "What kinds of errors are there?",
            "docs/errors.md",
            "Kinds of errors",
        ),
        (
            "How do I write a flow with two agents in parallel?",
            "docs/flows.md",
            "Branches in parallel",
        ),
        ("What is a flow?", "docs/flows.md", "Flows»"),
        ("How do I write my own tool?", "docs/tools.md", ""),
        (
            "How do I write a model of my own?",
            "docs/models.md",
            "A model of your own",
        ),
        ("Can an agent call tools?", "docs/tools.md", ""),
        (
            "Where do I put my API key?",
            "docs/models.md",
            "Addresses and keys",
        ),
        (
            "The provider is slow, how do I set a timeout?",
            "docs/runs.md",
            "Time limits",
        ),
        (
            "How do I write unit tests without calling a real model?",
            "docs/testing.md",
            "",
        ),
        (
            "What does the exit status 4 of the program mean?",
            "docs/cli.md",
            "Exit codes",
        ),
        (
            "How does a client reconnect and go on reading after a lost connection?",
            "docs/stores.md",
            "Read on after a break",
        ),
        (
            "Can concurrent requests go through the same agent?",
            "docs/agents.md",
            "Sharing an agent",
        ),
        (
            "How can I use a model that runs on my own machine, like Ollama?",
            "docs/models.md",
            "A local model",
        ),
    ];
    let mut wrong = Vec::new();
    for (question, page, heading) in table {
        let answer = ask(question).await;
        let citation = answer.lines().last().unwrap().to_owned();
        let is_there = citation.starts_with(&format!("({page}, «{heading}"));
        if !is_there {
            wrong.push(format!("{question}\n  {citation}, not {page} «{heading}»"));
        }
        assert!(answer.chars().count() < 1200, "{question}: {answer}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_notice_comes_before_the_answer_and_the_end_is_last() {
    let events = events(ModelRequest::new([Message::user("How do I stop a run?")])).await;
    assert_eq!(events[0], ModelEvent::Started { request_id: None });
    let ModelEvent::Notice(notice) = &events[1] else {
        panic!("a notice: {:?}", events[1])
    };
    assert_eq!(notice.code, "demo_model");
    assert!(!notice.message.contains('\n'));
    assert_eq!(
        *events.last().unwrap(),
        ModelEvent::Finished(FinishReason::Stop)
    );

    let usage = usage(&events);
    assert!(usage.estimated);
    assert_eq!(usage.input_tokens, 5);
    let characters = text(&events).chars().count() as u64;
    assert_eq!(usage.output_tokens, characters.div_ceil(4));
}

#[tokio::test]
async fn an_answer_has_prose_code_without_hidden_lines_and_a_source() {
    let answer = ask("How do I stop a run?").await;
    assert!(
        answer.starts_with("The demo model found this in the docs:\n\n"),
        "{answer}"
    );
    assert!(answer.contains("```rust"), "{answer}");
    assert!(!answer.contains("\n# "), "{answer}");
    assert!(answer.ends_with("(docs/runs.md, «Stop»)"), "{answer}");
}

#[tokio::test]
async fn it_greets_and_says_what_it_cannot_answer() {
    for words in ["Hello", "hi!", "Who are you?"] {
        let answer = ask(words).await;
        assert!(
            answer.starts_with("Hello! I am Mainstem's demo model."),
            "{answer}"
        );
        assert_eq!(answer.matches("\n- ").count(), 5);
    }
    for words in [
        "What is the capital of France?",
        "Tell me a joke about cats.",
        "Write a poem about the sea.",
        "xyzzy",
        "Wie spät ist es?",
    ] {
        let answer = ask(words).await;
        assert!(
            answer.starts_with("I found nothing about that."),
            "{words}: {answer}"
        );
        assert_eq!(answer.matches("\n- ").count(), 5);
    }
    for words in ["", "  \n"] {
        assert!(ask(words).await.starts_with("There are no words"));
    }
    let nothing = text(&events(ModelRequest::new([])).await);
    assert!(nothing.starts_with("There are no words"));
}

#[tokio::test]
async fn a_short_question_goes_with_the_one_before() {
    let first = "How do I stop a run?";
    let answer = ask(first).await;
    let again = |words: &str| {
        events(ModelRequest::new([
            Message::user(first),
            Message::assistant(answer.as_str()),
            Message::user(words),
        ]))
    };
    assert_eq!(text(&again("and in Rust?").await), answer);

    let more = text(&again("more").await);
    assert!(more.contains("(docs/"), "{more}");
    assert_ne!(more, answer);
    let other = text(&again("How is typed output enforced, then?").await);
    assert!(other.contains("(docs/models.md"), "{other}");
}

#[tokio::test]
async fn the_limit_of_tokens_cuts() {
    let mut request = ModelRequest::new([Message::user("How do I stop a run?")]);
    let whole = text(&events(request.clone()).await);
    request.settings = ModelSettings::new().max_output_tokens(5);
    let cut = events(request.clone()).await;
    assert_eq!(text(&cut), whole.chars().take(20).collect::<String>());
    assert_eq!(
        *cut.last().unwrap(),
        ModelEvent::Finished(FinishReason::Length)
    );
    assert_eq!(usage(&cut).output_tokens, 5);

    request.settings = ModelSettings::new().max_output_tokens(5000).stop(["found"]);
    let stopped = events(request).await;
    assert_eq!(text(&stopped), "The demo model ");
    assert_eq!(
        *stopped.last().unwrap(),
        ModelEvent::Finished(FinishReason::Stop)
    );
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let mut request = ModelRequest::new([Message::user("What is in the context?")]);
    let first = events(request.clone()).await;
    request.settings = ModelSettings::new().temperature(2.0).seed(7);
    assert_eq!(events(request).await, first);
}

#[tokio::test(start_paused = true)]
async fn pieces_come_at_a_pace() {
    let start = tokio::time::Instant::now();
    let request = ModelRequest::new([Message::user("How do I stop a run?")]);
    let events: Vec<_> = DemoModel::new().stream(request).collect().await;
    let pieces = events.len() as u32 - 4;
    assert!(pieces > 100);
    // The timer counts whole milliseconds.
    let waited = start.elapsed().as_millis() as u32;
    assert!(
        (15 * pieces..17 * pieces).contains(&waited),
        "{waited} ms, {pieces} pieces"
    );
}

#[tokio::test]
async fn after_a_tool_it_repeats_what_it_was_told() {
    let call = Part::ToolCall(ToolCallPart::new("call_1", "weather", "{}"));
    let request = ModelRequest::new([
        Message::user("How is the weather?"),
        Message::new(Role::Assistant, [call]),
        Message::tool_result("call_1", "rain, 7 degrees"),
    ]);
    let answer = text(&events(request).await);
    assert!(answer.contains("demo model"), "{answer}");
    assert!(
        answer.ends_with("`weather` answered: rain, 7 degrees"),
        "{answer}"
    );
}
