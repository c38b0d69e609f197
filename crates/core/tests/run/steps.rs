//! Steps inside of a run.

use std::{collections::HashMap, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    Context, ErrorKind, Event, EventKind, MemoryStore, Partial, Result, Run, RunContext, Step,
    StepPath, StepScope, TimeLimits, Usage,
};

use crate::common::{broken, collect, names, say, text};

fn lines(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {}", event.path, event.kind.name()))
        .collect()
}

#[tokio::test]
async fn steps_nest_and_each_event_has_the_path_of_its_step() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let outer = ctx.step("outer", "flow", |ctx| async move {
            let inner = ctx.step("in/ner", "agent", |ctx| say(ctx, &["a"])).await?;
            ctx.emit(text("b")).await;
            Ok(inner + "b")
        });
        outer.await
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(
        lines(&events),
        [
            " run_started",
            "outer step_started",
            "outer/in%2Fner step_started",
            "outer/in%2Fner text_delta",
            "outer/in%2Fner step_finished",
            "outer text_delta",
            "outer step_finished",
            " run_finished",
        ]
    );
    assert!(matches!(&events[1].kind, EventKind::StepStarted(it) if it.kind == "flow"));
    assert!(
        matches!(&events[4].kind, EventKind::StepFinished(it) if it.output.as_str() == r#""a""#)
    );
    assert!(
        matches!(&events[6].kind, EventKind::StepFinished(it) if it.output.as_str() == r#""ab""#)
    );
}

#[tokio::test]
async fn a_failure_fails_every_step_around_it_and_names_the_innermost() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("outer", "flow", |ctx| async move {
            ctx.step("inner", "agent", |_| async { Err::<(), _>(broken()) })
                .await
        })
        .await
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    assert_eq!(
        names(&events),
        [
            "run_started",
            "step_started",
            "step_started",
            "step_failed",
            "step_failed",
            "run_failed"
        ]
    );
    let inner = StepPath::run().child("outer").child("inner");
    for event in &events[3..] {
        let (EventKind::StepFailed(mainstem_core::StepFailed { error, .. })
        | EventKind::RunFailed(mainstem_core::RunFailed { error, .. })) = &event.kind
        else {
            panic!("{event:?}")
        };
        assert_eq!(error.step.as_ref(), Some(&inner));
        assert_eq!(error.message, "the line is dead");
    }
    assert_eq!(events[3].path, inner);
    let error = stream.await.unwrap_err();
    assert_eq!(error.step(), Some(&inner));
    assert_eq!(error.to_string(), "step `outer/inner`: the line is dead");
}

#[tokio::test]
async fn a_caught_failure_of_a_step_is_not_the_runs() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let failed = ctx.step("try", "function", |_| async { Err::<u8, _>(broken()) });
        assert!(failed.await.is_err());
        Ok("another way")
    });
    let events = collect(&mut run.stream()).await;
    assert_eq!(
        names(&events),
        ["run_started", "step_started", "step_failed", "run_finished"]
    );
}

#[tokio::test]
async fn usage_sums_up_through_the_steps() {
    let run = Run::new("r", |ctx: RunContext| async move {
        ctx.record_usage(Usage::new(1, 0));
        ctx.step("outer", "flow", |ctx| async move {
            ctx.record_usage(Usage::new(10, 0));
            let inner = |name| {
                ctx.step(name, "agent", |ctx| async move {
                    ctx.record_usage(Usage::new(100, 5));
                    assert_eq!(ctx.usage(), Usage::new(100, 5));
                    Ok(())
                })
            };
            futures::future::try_join(inner("a"), inner("b")).await?;
            assert_eq!(ctx.usage().input_tokens, 210);
            Ok(())
        })
        .await?;
        ctx.step("idle", "function", |_| async { Ok(()) }).await?;
        assert_eq!(ctx.usage().input_tokens, 211);
        Ok(())
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    let of_step: HashMap<_, _> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::StepFinished(it) => Some((event.path.to_string(), it.usage.input_tokens)),
            _ => None,
        })
        .collect();
    assert_eq!(of_step["outer/a"], 100);
    assert_eq!(of_step["outer/b"], 100);
    assert_eq!(of_step["outer"], 210);
    assert_eq!(of_step["idle"], 0);
    let usage = stream.await.unwrap().usage;
    assert_eq!(
        (usage.requests, usage.input_tokens, usage.output_tokens),
        (4, 211, 10)
    );
}

#[tokio::test]
async fn an_output_that_cannot_be_json_is_an_error_of_its_step() {
    let run = Run::new("r", |ctx: RunContext| async move {
        ctx.step("odd", "function", |_| async {
            Ok(HashMap::from([((1u8, 2u8), 3u8)]))
        })
        .await?;
        Ok(())
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    assert_eq!(
        names(&events),
        ["run_started", "step_started", "step_failed", "run_failed"]
    );
    let error = stream.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(error.step(), Some(&StepPath::run().child("odd")));
}

struct Shout;

impl Step<String> for Shout {
    type Output = String;

    fn name(&self) -> &str {
        "shout"
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, input: String) -> BoxFuture<'static, Result<String>> {
        async move {
            assert!(ctx.is_whole_run());
            assert_eq!(ctx.path().as_str(), "shout");
            ctx.emit(text("!")).await;
            ctx.step("inside", "function", |ctx| async move {
                assert!(!ctx.is_whole_run());
                Ok(())
            })
            .await?;
            Ok(input + "!")
        }
        .boxed()
    }
}

#[tokio::test]
async fn the_run_of_a_step_has_its_name_its_input_and_its_output() {
    let mut stream = Run::of(Arc::new(Shout), "jays".to_owned()).stream();
    let events = collect(&mut stream).await;
    let EventKind::RunStarted(started) = &events[0].kind else {
        panic!("{:?}", events[0])
    };
    assert_eq!(started.name, "shout");
    assert_eq!(started.input.as_ref().unwrap().as_str(), r#""jays""#);
    assert_eq!(
        lines(&events),
        [
            " run_started",
            "shout step_started",
            "shout text_delta",
            "shout/inside step_started",
            "shout/inside step_finished",
            "shout step_finished",
            " run_finished",
        ]
    );
    assert_eq!(stream.await.unwrap().output, "jays!");
}

#[tokio::test]
async fn the_settings_of_a_run_reach_its_steps() {
    let settings = mainstem_core::ModelSettings::new().temperature(0.5);
    let limits = TimeLimits::NONE.total(std::time::Duration::from_secs(9));
    let given = settings.clone();
    let run = Run::new("r", move |ctx: RunContext| async move {
        ctx.step("s", "agent", |ctx| async move {
            assert_eq!(*ctx.settings(), given);
            assert_eq!(ctx.time_limits(), Some(limits));
            assert_eq!(ctx.run_id().as_str(), "mine");
            Ok(())
        })
        .await
    });
    run.settings(settings)
        .time_limits(limits)
        .id("mine")
        .await
        .unwrap();
    let plain = Run::new("r", |ctx: RunContext| async move {
        assert_eq!(ctx.time_limits(), None);
        Ok(())
    });
    plain.await.unwrap();
}

#[tokio::test]
async fn a_branch_has_its_index_its_context_and_counts_for_its_step() -> Result<()> {
    const WHO: mainstem_core::Key<u8> = mainstem_core::Key::new("who");
    let run = Run::new("r", |ctx| async move {
        ctx.step("views", "parallel", |ctx| async move {
            let fork = ctx.context().fork("left");
            let branch = ctx.branch(1, fork.clone());
            branch
                .step("left", "function", |ctx| async move {
                    ctx.context().set(&WHO, &7)?;
                    ctx.record_usage(Usage::new(2, 1));
                    Ok(ctx.path().to_string())
                })
                .await?;
            assert_eq!(ctx.usage().input_tokens, 2);
            assert_eq!(ctx.context().get(&WHO)?, None);
            assert_eq!(fork.get(&WHO)?, Some(7));
            Ok(())
        })
        .await
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    let paths: Vec<_> = events.iter().map(|event| event.path.as_str()).collect();
    assert_eq!(
        paths,
        ["", "views", "views[1]/left", "views[1]/left", "views", ""]
    );
    stream.await?;
    Ok(())
}

#[tokio::test]
async fn a_step_in_a_scope_has_its_attempt_and_its_context_and_gives_its_json() -> Result<()> {
    let run = Run::new("r", |ctx| async move {
        let other = Context::new();
        other.add_user_message("only here");
        let scope = StepScope::new("write", "agent").attempt(3).context(other);
        let done = ctx
            .step_in(scope, |ctx| async move {
                assert_eq!(ctx.context().messages().len(), 1);
                ctx.record_partial(Partial::new("half", Usage::default(), None));
                Ok(ctx.path().to_string())
            })
            .await?;
        assert_eq!(done.output, "write#3");
        assert_eq!(done.json.as_str(), r#""write#3""#);
        Ok(ctx.is_stored())
    });
    assert!(!run.await?.output);
    let stored = Run::new("r", |ctx| async move { Ok(ctx.is_stored()) });
    assert!(stored.store(MemoryStore::new()).await?.output);
    Ok(())
}

#[tokio::test]
async fn a_step_sees_what_steps_inside_of_it_had_delivered() -> Result<()> {
    let run = Run::new("r", |ctx| async move {
        ctx.step("outer", "flow", |ctx| async move {
            let _ = ctx
                .step("write", "agent", |ctx| async move {
                    ctx.record_partial(Partial::new("half", Usage::default(), None));
                    assert_eq!(ctx.partial().unwrap().text, "half");
                    Err::<(), _>(broken())
                })
                .await;
            assert_eq!(ctx.partial().unwrap().text, "half");
            ctx.step("other", "function", |ctx| async move {
                assert_eq!(ctx.partial(), None);
                Ok(())
            })
            .await
        })
        .await
    });
    run.await?;
    Ok(())
}

#[tokio::test]
async fn no_step_of_several_is_the_whole_run() {
    let run = Run::new("r", |ctx: RunContext| async move {
        assert!(!ctx.is_whole_run());
        for name in ["a", "b"] {
            ctx.step(name, "agent", |ctx| async move {
                assert!(!ctx.is_whole_run());
                assert!(!ctx.branch(0, Context::new()).is_whole_run());
                Ok(())
            })
            .await?;
        }
        Ok(())
    });
    run.await.unwrap();
}
