//! What a run had delivered when it ended early: that of its steps under way, and no other.

use futures::future::try_join;
use mainstem_core::{
    Context, ErrorKind, EventKind, Partial, Result, Retracted, Run, RunContext, StepError,
    StepScope, Usage,
};

use crate::common::{broken, collect, read_ready, text};

/// An agent that breaks off, as far as a run can tell.
async fn breaks_off(ctx: RunContext, said: &'static str) -> Result<()> {
    ctx.emit(text(said)).await;
    ctx.record_usage(Usage::new(1, 1));
    ctx.record_partial(Partial::new(said, Usage::new(1, 1), None));
    Err(broken())
}

async fn agent(ctx: &RunContext, name: &str, said: &'static str) -> Result<()> {
    ctx.step(name, "agent", |ctx| breaks_off(ctx, said)).await
}

/// The partial output with which a run fails: the same in its error and in its last event.
async fn partial_of(run: Run<()>) -> Partial {
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    let EventKind::RunFailed(failed) = &events.last().unwrap().kind else {
        panic!("{events:?}")
    };
    let partial = failed.partial.clone().unwrap();
    assert_eq!(stream.await.unwrap_err().partial(), Some(&*partial));
    *partial
}

#[tokio::test]
async fn a_failure_that_was_handled_leaves_nothing() {
    let run = Run::new("r", |ctx: RunContext| async move {
        ctx.step("outer", "flow", |ctx| async move {
            let _ = agent(&ctx, "try", "old").await;
            assert_eq!(ctx.partial().unwrap().text, "old");
            agent(&ctx, "other", "new").await
        })
        .await
    });
    assert_eq!(partial_of(run).await.text, "new");
}

#[tokio::test]
async fn nor_does_it_when_the_run_is_stopped_in_what_came_next() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        let _ = agent(&ctx, "try", "old").await;
        ctx.step("other", "function", |_| std::future::pending())
            .await
    });
    let mut stream = run.stream();
    read_ready(&mut stream);
    stream.stop();
    assert_eq!(stream.await.unwrap_err().partial().unwrap().text, "");
}

#[tokio::test]
async fn a_failure_that_is_passed_on_keeps_it_also_when_the_run_is_stopped_on_the_way() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("outer", "flow", |ctx| async move {
            agent(&ctx, "try", "half").await
        })
        .await
    });
    let mut stream = run.stream();
    while let Some(event) = futures::StreamExt::next(&mut stream).await {
        if matches!(event.kind, EventKind::StepFailed(_)) {
            stream.stop();
        }
    }
    assert_eq!(stream.await.unwrap_err().partial().unwrap().text, "half");
}

#[tokio::test]
async fn a_step_that_begins_again_or_finishes_leaves_nothing_of_before() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        let _ = agent(&ctx, "write", "old").await;
        ctx.step("write", "agent", |ctx| async move {
            ctx.record_partial(Partial::new("done", Usage::default(), None));
            let _ = agent(&ctx, "inner", "inner").await;
            Ok(())
        })
        .await?;
        Err(broken())
    });
    assert_eq!(partial_of(run).await.text, "");
}

#[tokio::test]
async fn what_was_retracted_is_left_out_and_what_came_before_is_not() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        let _ = agent(&ctx, "write", "kept ").await;
        let since = ctx.next_place();
        for (attempt, said) in [(2, "old "), (3, "new ")] {
            let scope = StepScope::new("write", "agent").attempt(attempt);
            let _ = ctx.step_in(scope, |ctx| breaks_off(ctx, said)).await;
            if attempt == 2 {
                ctx.emit(Retracted::new(since, "again")).await;
            }
        }
        Err(broken())
    });
    assert_eq!(partial_of(run).await.text, "kept new ");
}

#[tokio::test]
async fn an_attempt_that_goes_on_where_the_one_before_broke_off_adds_to_it() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        let _ = agent(&ctx, "write", "first ").await;
        let scope = StepScope::new("write", "agent").attempt(2);
        ctx.step_in(scope, |ctx| breaks_off(ctx, "second")).await?;
        Ok(())
    });
    assert_eq!(partial_of(run).await.text, "first second");
}

#[tokio::test]
async fn branches_that_were_cut_add_theirs_in_the_order_of_their_paths() {
    struct Answer(RunContext);
    impl Drop for Answer {
        fn drop(&mut self) {
            let partial = Partial::new("left ", Usage::default(), None);
            self.0.record_partial(partial);
        }
    }
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("views", "parallel", |ctx| async move {
            let (left, right) = (ctx.branch(0, Context::new()), ctx.branch(1, Context::new()));
            let left = left.step("a", "agent", |ctx| async move {
                let _answer = Answer(ctx);
                std::future::pending::<Result<()>>().await
            });
            try_join(left, agent(&right, "b", "right")).await?;
            Ok(())
        })
        .await
    });
    assert_eq!(partial_of(run).await.text, "left right");
}

#[tokio::test]
async fn a_step_of_another_branch_that_begins_takes_nothing_away() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("views", "parallel", |ctx| async move {
            let (left, right) = (ctx.branch(0, Context::new()), ctx.branch(1, Context::new()));
            let failed = agent(&left, "a", "left").await;
            right.step("b", "function", |_| async { Ok(()) }).await?;
            failed
        })
        .await
    });
    assert_eq!(partial_of(run).await.text, "left");
}

fn nested() -> Run<()> {
    Run::new("nested", |ctx: RunContext| async move {
        agent(&ctx, "agent", "Half").await
    })
}

#[tokio::test]
async fn the_partial_output_of_a_run_inside_of_a_step_is_passed_on() {
    let run = Run::new("outer", |ctx: RunContext| async move {
        ctx.step("ask", "function", |_| async { nested().await.map(|_| ()) })
            .await
    });
    assert_eq!(partial_of(run).await, partial_of(nested()).await);
}

#[tokio::test]
async fn it_stands_beside_what_other_branches_had_delivered() {
    let run = Run::new("outer", |ctx: RunContext| async move {
        let [left, right] = [0, 1].map(|_| Context::new());
        ctx.step("views", "parallel", |ctx| async move {
            let _ = agent(&ctx.branch(1, right), "own", "Own.").await;
            let ask = |_| async { nested().await.map(|_| ()) };
            ctx.branch(0, left).step("ask", "function", ask).await
        })
        .await
    });
    let partial = partial_of(run).await;
    assert_eq!(partial.text, "HalfOwn.");
    assert_eq!(partial.usage.input_tokens, 2);
}

#[tokio::test]
async fn a_step_whose_error_tells_of_it_too_is_not_counted_twice() {
    let run = Run::new("r", |ctx: RunContext| async move {
        ctx.step("outer", "flow", |ctx| async move {
            ctx.step("write", "agent", |ctx| async move {
                let error = breaks_off(ctx, "half").await.unwrap_err();
                let known = Partial::new("half", Usage::new(1, 1), None);
                Err::<(), _>(error.with_partial(known))
            })
            .await
        })
        .await
    });
    let partial = partial_of(run).await;
    assert_eq!((&*partial.text, partial.usage), ("half", Usage::new(1, 1)));
}

#[tokio::test]
async fn the_stop_of_another_run_is_a_failure_of_the_step_that_passed_it_on() {
    let run = Run::new("r", |ctx| async move {
        ctx.step("ask", "function", |_| async move {
            let mut inner = Run::<String>::new("inner", |ctx: RunContext| async move {
                ctx.emit(mainstem_core::TextDelta::new("a")).await;
                std::future::pending().await
            })
            .stream();
            inner.next_text().await?;
            inner.stop();
            let passed_on = inner.await.map_err(StepError::from)?;
            Ok(passed_on.output)
        })
        .await
    });
    let error = run.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Step, false)
    );
    assert_eq!(error.step().unwrap().to_string(), "ask");
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the run was stopped");
}

#[tokio::test]
async fn what_a_function_says_is_delivered_as_its_reader_saw_it() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.emit(text("Look: ")).await;
        ctx.step("tell", "function", |ctx| async move {
            ctx.emit(text("a ")).await;
            let since = ctx.next_place();
            ctx.emit(text("robin")).await;
            ctx.emit(Retracted::new(since, "again")).await;
            ctx.branch(0, Context::new()).emit(text("jay")).await;
            ctx.quiet().emit(text("a draft")).await;
            let tool = ctx.step("find", "tool", async |ctx| {
                ctx.emit(text("aside")).await;
                Err::<(), _>(broken())
            });
            assert!(tool.await.is_err());
            Err::<(), _>(broken())
        })
        .await
    });
    assert_eq!(partial_of(run).await.text, "Look: a jay");
}

#[tokio::test]
async fn it_is_so_when_the_run_is_stopped_and_when_it_waits_for_a_person() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("tell", "function", |ctx| async move {
            ctx.emit(text("Half an")).await;
            std::future::pending().await
        })
        .await
    });
    let mut stream = run.stream();
    read_ready(&mut stream);
    stream.stop();
    let error = stream.await.unwrap_err();
    assert_eq!(error.partial().unwrap().text, "Half an");

    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("tell", "function", |ctx| async move {
            ctx.emit(text("So far. ")).await;
            ctx.ask::<bool>("go", "Go on?").await?;
            Ok(())
        })
        .await
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Suspended);
    assert_eq!(error.partial().unwrap().text, "So far. ");
}

#[tokio::test]
async fn what_it_says_goes_with_what_the_steps_inside_of_it_say_and_no_further() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("done", "function", |ctx| async move {
            ctx.emit(text("finished ")).await;
            Ok(())
        })
        .await?;
        ctx.step("tell", "function", |ctx| async move {
            ctx.emit(text("The answer: ")).await;
            agent(&ctx, "write", "half").await
        })
        .await
    });
    assert_eq!(partial_of(run).await.text, "The answer: half");
}

#[tokio::test]
async fn a_function_that_shows_a_run_inside_of_it_has_it_once() {
    for (said, expected) in [
        ("Half", "Half"),
        ("So: Half", "So: Half"),
        ("So: ", "So: Half"),
    ] {
        let run = Run::<()>::new("r", move |ctx: RunContext| async move {
            ctx.step("relay", "function", |ctx| async move {
                ctx.emit(text(said)).await;
                nested().await.map(|_| ())
            })
            .await
        });
        let partial = partial_of(run).await;
        assert_eq!(
            (&*partial.text, partial.usage),
            (expected, Usage::new(1, 1))
        );
    }
}

#[tokio::test]
async fn what_it_records_stands_for_what_it_says() {
    let run = Run::<()>::new("r", |ctx: RunContext| async move {
        ctx.step("tell", "function", |ctx| async move {
            ctx.emit(text("shown")).await;
            ctx.record_partial(Partial::new("recorded", Usage::default(), None));
            Err::<(), _>(broken())
        })
        .await
    });
    assert_eq!(partial_of(run).await.text, "recorded");
}
