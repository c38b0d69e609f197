//! Guards of an answer while it streams.

use mainstem_agent::{
    Agent, ForbiddenText, GuardRefusal, MaxLength, OutputGuard, OutputWatch, Verdict, tool_fn,
};
use mainstem_core::{
    Context, ErrorKind, FinishReason, ModelEvent, NextAttempt, Usage,
    test_util::{Script, ScriptedModel},
};

use mainstem_structured::{Front, TextAfter};

use super::{agent, agent_of, refused, seen};

/// Refuses what holds a `!`.
fn calm() -> OutputGuard {
    OutputGuard::streaming("calm", || {
        |piece: &str| Verdict::refuse_if(piece.contains('!'), "it shouts")
    })
}

fn message(guard: &str) -> String {
    format!("guard `{guard}` refused the output")
}

#[tokio::test]
async fn a_piece_that_is_refused_is_never_shown() {
    let agent = agent(["Ja", "ys", "! no", "never read"])
        .guard_output(calm())
        .build()
        .unwrap();
    let ctx = Context::new();
    let (shown, outcome) = seen(agent.run("Hi").context(&ctx)).await;
    assert_eq!(shown, ["Ja", "ys"]);
    let refusal = GuardRefusal::of(outcome.as_ref().unwrap_err())
        .unwrap()
        .clone();
    assert_eq!((refusal.guard(), refusal.reason()), ("calm", "it shouts"));
    assert_eq!(refused(outcome), (message("calm"), "Jays".to_owned()));
    let last = ctx.messages().last().unwrap().clone();
    assert!(last.partial);
    assert_eq!(last.text(), "Jays");
}

#[tokio::test]
async fn awaited_or_read_as_text_it_is_the_same() {
    let agent = || {
        agent(["Ja", "ys", "!"])
            .guard_output(calm())
            .build()
            .unwrap()
    };
    assert_eq!(
        refused(agent().run("Hi").await.map(|it| it.output)).1,
        "Jays"
    );
    let mut run = agent().run("Hi").stream();
    assert_eq!(run.next_text().await.unwrap().unwrap(), "Ja");
    assert_eq!(run.next_text().await.unwrap().unwrap(), "ys");
    let error = run.next_text().await.unwrap_err();
    assert_eq!(error.code(), Some("guard_refused"));
    assert_eq!(error.partial().unwrap().text, "Jays");
}

#[tokio::test]
async fn the_model_is_left_when_its_answer_is_refused() {
    let script = Script::new().event(ModelEvent::Text("a!".into())).stall();
    let agent = agent_of(script).guard_output(calm()).build().unwrap();
    // It would stall for ever.
    refused(agent.run("Hi").await.map(|it| it.output));
}

#[tokio::test]
async fn what_is_held_back_is_shown_with_what_follows() {
    let guard = calm().hold_back(3);
    let agent = agent(["ab", "cde", "é", "f"])
        .guard_output(guard)
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(shown, ["ab", "cd", "e", "éf"]);
    assert_eq!(outcome.unwrap(), "abcdeéf");
    let agent = super::agent(["ab", "cdé"]).guard_output(calm().hold_back(1));
    let (shown, _) = seen(agent.build().unwrap().run("Hi")).await;
    assert_eq!(shown, ["a", "bcd", "é"], "characters stay whole");
}

#[tokio::test]
async fn what_is_held_back_when_it_is_refused_was_never_delivered() {
    let guard = calm().hold_back(3);
    let agent = agent(["abcdef", "g", "!"])
        .guard_output(guard)
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(shown, ["abc", "d"]);
    assert_eq!(refused(outcome), (message("calm"), "abcd".to_owned()));
}

#[tokio::test]
async fn a_failure_of_the_model_gives_away_nothing_that_is_held() {
    let failure = mainstem_core::Error::new(ErrorKind::Truncated, "cut");
    let script = || {
        let text = Script::new().event(ModelEvent::Text("abcdef".into()));
        text.fail(failure.clone())
    };
    let guards = [
        calm().hold_back(3),
        OutputGuard::whole("all", |_: mainstem_core::Text| Verdict::Allow),
    ];
    for (guard, partial) in guards.into_iter().zip(["abc", ""]) {
        let agent = agent_of(script()).guard_output(guard).build().unwrap();
        let ctx = Context::new();
        let (shown, outcome) = seen(agent.run("Hi").context(&ctx)).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert_eq!(
            (&*shown.concat(), &*error.partial().unwrap().text),
            (partial, partial)
        );
        let told: Vec<_> = ctx.messages().iter().skip(1).map(|it| it.text()).collect();
        assert_eq!(told.concat(), partial);
    }
}

#[tokio::test]
async fn a_match_across_pieces_is_found_and_nothing_of_it_shown() {
    let keys = ForbiddenText::new("keys", ["secret"]);
    let agent = agent(["a se", "e, a s", "ec", "r", "et!"])
        .guard_output(keys)
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(shown.concat(), "a see, a ");
    assert_eq!(shown, ["a ", "see, a "]);
    assert_eq!(refused(outcome), (message("keys"), "a see, a ".to_owned()));
}

#[tokio::test]
async fn what_only_began_like_a_match_is_shown_at_the_end() {
    let keys = ForbiddenText::new("keys", ["secret"]);
    let agent = agent(["a sec"]).guard_output(keys).build().unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(shown, ["a ", "sec"]);
    assert_eq!(outcome.unwrap(), "a sec");
}

#[tokio::test]
async fn a_guard_has_the_last_word_before_what_it_held_is_shown() {
    struct EndsWithADot(bool);
    impl OutputWatch for EndsWithADot {
        fn check(&mut self, piece: &str) -> Verdict {
            self.0 = piece.ends_with('.');
            Verdict::Allow
        }
        fn finish(&mut self) -> Verdict {
            Verdict::refuse_if(!self.0, "it ends without a dot")
        }
    }
    let guard = || OutputGuard::streaming("dot", || EndsWithADot(false)).hold_back(3);
    let dot = agent(["Jays ", "fly."])
        .guard_output(guard())
        .build()
        .unwrap();
    let (shown, outcome) = seen(dot.run("Hi")).await;
    assert_eq!(
        (shown.concat(), outcome.unwrap()),
        ("Jays fly.".to_owned(), "Jays fly.".to_owned())
    );
    let none = agent(["Jays ", "fly"])
        .guard_output(guard())
        .build()
        .unwrap();
    let (shown, outcome) = seen(none.run("Hi")).await;
    assert_eq!(shown.concat(), "Jays ");
    assert_eq!(refused(outcome), (message("dot"), "Jays ".to_owned()));
}

#[tokio::test]
async fn several_guards_hold_as_much_as_the_one_that_holds_most() {
    let long = OutputGuard::streaming("long", || |_: &str| Verdict::Allow).hold_back(2);
    let keys = ForbiddenText::new("keys", ["xyz"]);
    let agent = agent(["abc", "xy", "!!"])
        .guard_output(long)
        .guard_output(keys);
    let (shown, _) = seen(agent.build().unwrap().run("Hi")).await;
    assert_eq!(shown, ["a", "bc", "xy", "!!"]);
}

#[tokio::test]
async fn a_guard_that_panics_has_refused() {
    struct Fragile;
    impl OutputWatch for Fragile {
        fn check(&mut self, _: &str) -> Verdict {
            Verdict::Allow
        }
        fn holds(&self) -> usize {
            panic!("oh")
        }
    }
    let guards = [
        OutputGuard::streaming("broken", || |_: &str| -> Verdict { panic!("oh") }),
        OutputGuard::streaming("broken", || -> Fragile { panic!("oh") }),
        OutputGuard::streaming("broken", || Fragile),
    ];
    for guard in guards {
        let agent = agent(["Hello"]).guard_output(guard).build().unwrap();
        let (shown, outcome) = seen(agent.run("Hi")).await;
        assert!(shown.is_empty());
        let told = "guard `broken` failed, and so the output is refused";
        assert_eq!(refused(outcome), (told.to_owned(), String::new()));
    }
}

#[tokio::test]
async fn of_a_typed_agent_it_sees_the_json_as_it_is_shown() {
    let typed = |guard: OutputGuard| {
        let builder = agent(["[\"a", "bc\", \"d", "!\"]"]).guard_output(guard);
        builder.output::<Vec<String>>()
    };
    let (shown, outcome) = seen(typed(calm()).build().unwrap().run("Hi")).await;
    assert_eq!(shown, ["[\"a", "bc\", \"d"]);
    assert_eq!(
        refused(outcome),
        (message("calm"), "[\"abc\", \"d".to_owned())
    );

    let quiet = OutputGuard::streaming("quiet", || |_: &str| Verdict::Allow).hold_back(4);
    let (shown, outcome) = seen(typed(quiet.clone()).build().unwrap().run("Hi")).await;
    assert_eq!(shown, ["[\"abc\"", ", \"", "d!\"]"]);
    assert_eq!(outcome.unwrap(), ["abc", "d!"]);

    let held = typed(calm()).hold_until_valid().build().unwrap();
    let (shown, outcome) = seen(held.run("Hi")).await;
    assert!(shown.is_empty());
    assert_eq!(refused(outcome), (message("calm"), String::new()));
    let held = typed(quiet).hold_until_valid().build().unwrap();
    let (shown, _) = seen(held.run("Hi")).await;
    assert_eq!(shown, ["[\"abc\", \"d!\"]"]);
}

#[tokio::test]
async fn json_in_prose_is_seen_without_the_prose() {
    let model = ScriptedModel::new().answer(["Here! ", "```json\n[1, ", "2]\n``` Done!"]);
    let agent = Agent::builder(model)
        .guard_output(calm())
        .guard_output(OutputGuard::streaming("held", || |_: &str| Verdict::Allow).hold_back(2))
        .front(Front::new().text_after(TextAfter::Ignore));
    // A front needs an output type.
    let agent = agent.output::<Vec<u8>>().build().unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(outcome.unwrap(), [1, 2]);
    assert_eq!(shown.concat(), "[1, 2]");
}

#[tokio::test]
async fn another_attempt_at_an_output_is_watched_anew() {
    let model = ScriptedModel::new().answer(["[1, x"]).answer(["[1, 2]"]);
    let agent = Agent::builder(model)
        .guard_output(MaxLength::chars(6))
        .output::<Vec<u8>>()
        .output_attempts(2)
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(outcome.unwrap(), [1, 2]);
    assert_eq!(shown, ["<", "[1, 2]"]);
}

#[tokio::test]
async fn a_model_that_begins_anew_is_watched_anew() {
    let failed = mainstem_core::Error::new(ErrorKind::Truncated, "cut");
    let anew = NextAttempt::new(&failed, Usage::new(1, 1)).void();
    let script = Script::new()
        .event(ModelEvent::Text("abcd".into()))
        .event(anew.into())
        .event(ModelEvent::Text("efgh".into()))
        .event(ModelEvent::Finished(FinishReason::Stop));
    let guard = MaxLength::chars(6);
    let held = calm().hold_back(1);
    let agent = agent_of(script)
        .guard_output(guard)
        .guard_output(held)
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(outcome.unwrap(), "efgh");
    assert_eq!(shown, ["abc", "<", "efg", "h"]);
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[tokio::test]
async fn each_turn_is_an_answer_and_results_of_tools_arent_seen() {
    let call = |text: &str| {
        Script::new()
            .event(ModelEvent::Text(text.into()))
            .event(ModelEvent::ToolCall {
                index: 0,
                id: "1".into(),
                name: "shout".into(),
            })
            .event(ModelEvent::ToolArguments {
                index: 0,
                text: "{}".into(),
            })
            .event(ModelEvent::Finished(FinishReason::ToolCalls))
    };
    let shout = || tool_fn("shout", "", |_: Nothing| "HEY!");
    let model = ScriptedModel::new()
        .script(call("Let me see."))
        .answer(["It ", "shouts."]);
    let guard = || calm().hold_back(4);
    let agent = Agent::builder(model.clone())
        .tool(shout())
        .guard_output(guard());
    let ctx = Context::new();
    let (shown, outcome) = seen(agent.build().unwrap().run("Hi").context(&ctx)).await;
    assert_eq!(outcome.unwrap(), "It shouts.");
    assert_eq!(shown.concat(), "Let me see.It shouts.");
    assert_eq!(ctx.messages().len(), 4);

    let model = ScriptedModel::new().script(call("Hey!"));
    let agent = Agent::builder(model.clone())
        .tool(shout())
        .guard_output(guard());
    let error = agent.build().unwrap().run("Hi").await.unwrap_err();
    assert_eq!(error.code(), Some("guard_refused"));
    assert_eq!(
        model.requests().len(),
        1,
        "no call of an answer that is refused is made"
    );
}
