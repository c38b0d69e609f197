//! Who is asked for context, with what, and what comes of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::StreamExt;
use mainstem_agent::{Agent, ContextBlock, ContextQuery, context_fn, tool_fn};
use mainstem_core::{
    Context, ErrorKind, EventKind, Key, Merge, RoughTokens, RunContext, StepError, TextDelta,
    function::with, test_util::ScriptedModel,
};

use super::{agent, sent, talked};

#[tokio::test]
async fn a_provider_sees_the_question_and_all_of_the_history() {
    let (model, builder) = agent();
    let seen = context_fn("seen", |query: ContextQuery| {
        let said: Vec<_> = query.history().iter().map(|it| it.text()).collect();
        format!("{} | {} | {}", query.agent, query.input, said.join(", "))
    });
    let agent = builder
        .name("Ada")
        .context_from(seen)
        .max_history_messages(0);
    agent
        .build()
        .unwrap()
        .run("now")
        .context(&talked(1))
        .await
        .unwrap();
    let sent = sent(&model, 0);
    assert!(
        sent[0].contains("\nAda | now | question 0, answer 0\n"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn it_is_asked_once_for_all_turns_and_not_remembered() {
    let model = ScriptedModel::new()
        .calls([("tick", serde_json::json!({}))])
        .always(["Yes."]);
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Nothing {}
    let asked = Arc::new(AtomicUsize::new(0));
    let count = context_fn(
        "count",
        with(
            Arc::clone(&asked),
            |asked: Arc<AtomicUsize>, _: ContextQuery| {
                format!("asked {} times", asked.fetch_add(1, Ordering::SeqCst) + 1)
            },
        ),
    );
    let tick = tool_fn("tick", "", |_: Nothing| "tock");
    let agent = Agent::builder(model.clone())
        .tool(tick)
        .context_from(count)
        .build()
        .unwrap();
    let ctx = Context::new();
    agent.run("One?").context(&ctx).await.unwrap();
    agent.run("Two?").context(&ctx).await.unwrap();
    for (request, times) in [(0, 1), (1, 1), (2, 2)] {
        let first = &sent(&model, request)[0];
        assert!(first.contains(&format!("asked {times} times")), "{first}");
    }
    let told: Vec<_> = ctx.messages().iter().map(|it| it.text()).collect();
    assert!(!told.concat().contains("asked"), "{told:?}");
}

#[tokio::test]
async fn blocks_are_in_order_and_empty_ones_are_left_out() {
    let (model, builder) = agent();
    let slow = context_fn("slow", async |_: ContextQuery| {
        tokio::task::yield_now().await;
        Ok(vec![
            ContextBlock::new("a", "1"),
            ContextBlock::new("b", " \n"),
        ])
    });
    let none = context_fn("none", |_: ContextQuery| None::<String>);
    let text = context_fn("text", |_: ContextQuery| "2");
    let agent = builder
        .context_from(slow)
        .context_from(none)
        .context_from(text);
    agent.build().unwrap().run("now").await.unwrap();
    let sent = sent(&model, 0);
    let blocks =
        "<context name=\"a\">\n1\n</context>\n\n<context name=\"text\">\n2\n</context>\n\nnow";
    assert!(sent[0].ends_with(blocks), "{sent:?}");
    assert_eq!(sent[0].matches("<context").count(), 2);
}

#[tokio::test]
async fn what_a_provider_says_is_no_text_of_the_run_and_what_it_uses_counts() {
    const FOUND: Key<u32> = Key::new("found").merged_by(Merge::Replace);
    let finder = Agent::builder(ScriptedModel::new().always(["a jay"])).name("finder");
    let finder = finder.build().unwrap();
    let find = context_fn(
        "find",
        with(
            finder,
            async |ctx: RunContext, finder: Agent, query: ContextQuery| {
                ctx.emit(TextDelta::new("looking")).await;
                ctx.context().set(&FOUND, &1)?;
                Ok(ctx.run("finder", &finder, query.input.to_string()).await?)
            },
        ),
    );
    let (model, builder) = agent();
    let agent = builder.context_from(find).build().unwrap();
    let ctx = Context::new();
    let mut run = agent.run("Which bird?").context(&ctx).stream();
    let mut paths = Vec::new();
    let mut text = String::new();
    while let Some(event) = run.next().await {
        match &event.kind {
            EventKind::TextDelta(delta) => text.push_str(&delta.text),
            EventKind::StepFinished(_) => paths.push(event.path.to_string()),
            _ => {}
        }
    }
    let result = run.await.unwrap();
    assert_eq!((&*text, result.usage.requests), ("Yes.", 2));
    assert_eq!(
        paths,
        ["agent/context:find/finder", "agent/context:find", "agent"]
    );
    assert!(sent(&model, 0)[0].contains("\na jay\n"));
    assert_eq!(ctx.get(&FOUND).unwrap(), Some(1));
    assert_eq!(ctx.messages().len(), 2);
}

#[tokio::test]
async fn a_provider_that_fails_or_panics_fails_the_run_before_the_model_is_asked() {
    let (model, builder) = agent();
    let broken = context_fn("broken", |_: ContextQuery| -> Result<String, StepError> {
        Err("no index".into())
    });
    let agent = builder.context_from(broken).build().unwrap();
    let ctx = Context::new();
    let error = agent.run("Hi").context(&ctx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Step);
    assert_eq!(error.step().unwrap().to_string(), "agent/context:broken");
    assert_eq!(ctx.messages().len(), 1, "the question was asked");
    let (_, builder) = super::agent();
    #[allow(clippy::panic)]
    let panics = context_fn("panics", |_: ContextQuery| -> String { panic!("oh") });
    let error = builder
        .context_from(panics)
        .build()
        .unwrap()
        .run("Hi")
        .await
        .unwrap_err();
    assert_eq!(error.step().unwrap().to_string(), "agent/context:panics");
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn context_is_cut_to_its_tokens_and_a_notice_says_so() {
    let (model, builder) = agent();
    let lines: String = (0..100).map(|line| format!("line {line}\n")).collect();
    let first = context_fn("first", |_: ContextQuery| "all of it");
    let long = context_fn("long", with(lines, |lines: String, _: ContextQuery| lines));
    let lost = context_fn("lost", |_: ContextQuery| "much ".repeat(100));
    let agent = builder
        .context_from(first)
        .context_from(long)
        .context_from(lost)
        .token_counter(RoughTokens)
        .max_context_tokens(100)
        .build()
        .unwrap();
    let mut run = agent.run_streamed("Hi");
    let mut notices = Vec::new();
    while let Some(event) = run.next().await {
        if let EventKind::Notice(notice) = &event.kind {
            assert_eq!(notice.code, "context_cut");
            notices.push(notice.message.to_string());
        }
    }
    let sent = &sent(&model, 0)[0];
    assert!(sent.contains("\nall of it\n"), "{sent}");
    assert!(
        sent.contains("\nline 0\n") && !sent.contains("line 50"),
        "{sent}"
    );
    assert!(
        sent.contains("[cut here: ") && !sent.contains("much"),
        "{sent}"
    );
    assert!(sent.len() / 4 <= 101, "{}", sent.len());
    assert_eq!(notices.len(), 2);
    assert!(
        notices[0].starts_with("context `long` is cut to "),
        "{notices:?}"
    );
    assert_eq!(
        notices[1],
        "context `lost` is left out; the agent's `max_context_tokens` are 100"
    );
}

#[test]
fn what_doesnt_fit_together_isnt_built() {
    let give = |name: &str| context_fn(name, |_: ContextQuery| "text");
    let builds = [
        agent().1.context_from(give("a")).context_from(give("a")),
        agent().1.context_from(give(" ")),
        agent().1.max_context_tokens(5).token_counter(RoughTokens),
        agent().1.max_context_tokens(5).context_from(give("a")),
    ];
    let messages = builds.map(|builder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.message().to_owned()
    });
    assert_eq!(
        messages,
        [
            "agent `agent` gets context from two providers called `a`; give one of them another name",
            "agent `agent` gets context from a provider without a name; give it one",
            "agent `agent` limits its context, and gets none; add `context_from`",
            "agent `agent` limits its history or its context in tokens, and nothing counts them; add a \
             `token_counter`",
        ]
    );
}
