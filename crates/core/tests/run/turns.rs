//! One run at a time on a context.

use futures::{FutureExt, StreamExt, future::join_all};
use mainstem_core::{Busy, Context, ErrorKind, Key, Message, Run, RunContext, RunStream};

use crate::common::{Shared, names, read_ready, text};

/// Holds the context's turn until it is stopped or dropped.
fn holder(ctx: &Context) -> RunStream<()> {
    let mut stream = Run::<()>::new("holds", |_| std::future::pending())
        .context(ctx)
        .stream();
    assert_eq!(names(&read_ready(&mut stream)), ["run_started"]);
    stream
}

fn quick(ctx: &Context, busy: Busy) -> Run<()> {
    Run::new("quick", |_| async { Ok(()) })
        .context(ctx)
        .when_busy(busy)
}

#[tokio::test]
async fn runs_on_one_context_take_turns_in_the_order_of_asking() {
    let ctx = Context::new();
    let order = Shared::default();
    let mut streams: Vec<_> = (0..20)
        .map(|number| {
            let order = order.clone();
            let run = Run::new("turn", move |ctx: RunContext| async move {
                order.push((number, "begins"));
                ctx.emit(text("x")).await;
                tokio::task::yield_now().await;
                ctx.emit(text("x")).await;
                order.push((number, "ends"));
                Ok(())
            });
            run.context(&ctx).stream()
        })
        .collect();
    // They ask in this order; then they are driven in the opposite one.
    for stream in &mut streams {
        stream.next().await.unwrap();
        let _ = futures::poll!(stream.next());
        assert_eq!(order.get(), [(0, "begins")]);
    }
    streams.reverse();
    join_all(streams.into_iter().map(IntoFuture::into_future)).await;
    let expected: Vec<_> = (0..20)
        .flat_map(|number| [(number, "begins"), (number, "ends")])
        .collect();
    assert_eq!(order.get(), expected);
}

#[tokio::test]
async fn a_run_that_refuses_to_wait_fails_at_once_and_says_why() {
    let ctx = Context::new();
    let held = holder(&ctx);
    let error = quick(&ctx, Busy::Refuse).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.is_retryable());
    drop(held);
    quick(&ctx, Busy::Refuse).await.unwrap();
}

#[tokio::test]
async fn a_dropped_a_stopped_and_an_ended_run_give_the_turn_back() {
    let ctx = Context::new();
    drop(holder(&ctx));
    quick(&ctx, Busy::Refuse).await.unwrap();

    let stopped = holder(&ctx);
    stopped.stop();
    quick(&ctx, Busy::Refuse).await.unwrap();

    let mut ended = quick(&ctx, Busy::Refuse).stream();
    read_ready(&mut ended);
    quick(&ctx, Busy::Refuse).await.unwrap();
    drop((stopped, ended));
}

#[tokio::test]
async fn a_waiting_run_that_is_dropped_or_stopped_leaves_the_queue() {
    let ctx = Context::new();
    let held = holder(&ctx);
    let waiting = || {
        let mut stream = quick(&ctx, Busy::Wait).stream();
        assert_eq!(names(&read_ready(&mut stream)), ["run_started"]);
        stream
    };
    let (dropped, mut stopped, mut last) = (waiting(), waiting(), waiting());
    drop(dropped);
    stopped.stop();
    assert_eq!(names(&read_ready(&mut stopped)), ["run_cancelled"]);
    assert_eq!(read_ready(&mut last).len(), 0);
    drop(held);
    assert_eq!(names(&read_ready(&mut last)), ["run_finished"]);
}

#[tokio::test]
async fn a_fork_has_a_turn_of_its_own() {
    let ctx = Context::new();
    let _held = holder(&ctx);
    quick(&ctx.fork("branch"), Busy::Refuse).await.unwrap();
    let error = quick(&ctx.clone(), Busy::Refuse).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_runs_on_a_thousand_contexts_keep_apart() {
    const MINE: Key<usize> = Key::new("mine");
    let contexts: Vec<_> = (0..1000).map(|_| Context::new()).collect();
    let runs = contexts.iter().enumerate().map(|(number, ctx)| {
        let run = Run::new("mine", move |ctx: RunContext| async move {
            let said = format!("of {number}");
            ctx.context().set(&MINE, &number)?;
            ctx.context().add_user_message(said.as_str());
            ctx.record_message(Message::user(said.as_str()));
            ctx.emit(text(&said)).await;
            tokio::task::yield_now().await;
            ctx.emit(text(&said)).await;
            assert_eq!(ctx.context().get(&MINE)?, Some(number));
            Ok(number)
        });
        let mut stream = run.context(ctx).stream();
        tokio::spawn(async move {
            let mut pieces = Vec::new();
            while let Some(piece) = stream.next_text().await.unwrap() {
                pieces.push(piece);
            }
            (pieces, stream.await.unwrap())
        })
    });
    let runs: Vec<_> = runs.collect();
    for (number, run) in runs.into_iter().enumerate() {
        let said = format!("of {number}");
        let (pieces, result) = run.await.unwrap();
        assert_eq!(pieces, [said.as_str(), said.as_str()]);
        assert_eq!(result.output, number);
        assert_eq!(result.messages, [Message::user(said.as_str())]);
        let ctx = &contexts[number];
        assert_eq!(ctx.get(&MINE).unwrap(), Some(number));
        assert_eq!(*ctx.messages(), [Message::user(said.as_str())]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_runs_on_one_context_come_one_after_the_other() {
    const COUNT: Key<u64> = Key::new("count");
    let ctx = Context::new();
    let runs: Vec<_> = (0..1000)
        .map(|_| {
            let run = Run::new("count", |ctx: RunContext| async move {
                let before = ctx.context().get(&COUNT)?.unwrap_or(0);
                ctx.emit(text("x")).await;
                tokio::task::yield_now().await;
                ctx.context().set(&COUNT, &(before + 1))?;
                Ok(())
            });
            tokio::spawn(run.context(&ctx).into_future())
        })
        .collect();
    for run in runs {
        run.await.unwrap().unwrap();
    }
    assert_eq!(ctx.get(&COUNT).unwrap(), Some(1000));
}

/// It would wait for ever.
#[tokio::test]
async fn a_run_inside_of_the_one_that_has_the_turn_is_told_that_its_turn_never_comes() {
    let store = mainstem_core::MemoryStore::new();
    for is_stored in [false, true] {
        let ctx = Context::new();
        let inner = ctx.clone();
        let outer = Run::<()>::new("outer", move |_| async move {
            let beside = quick(&inner.fork("beside"), Busy::Wait);
            let deep = Run::new("deep", move |_| async move {
                let error = quick(&inner, Busy::Wait).await.unwrap_err();
                assert!(error.message().contains("`RunContext::run`"), "{error}");
                Err::<(), _>(error)
            });
            beside.await?;
            deep.await?;
            Ok(())
        });
        let outer = outer.context(&ctx);
        let outer = match is_stored {
            true => outer.store(store.clone()),
            false => outer,
        };
        // It fails at once, without a wait in which anything else could happen.
        let error = IntoFuture::into_future(outer.stream()).now_or_never();
        assert_eq!(error.unwrap().unwrap_err().kind(), ErrorKind::Busy);
        quick(&ctx, Busy::Refuse).await.unwrap();
    }
}

/// It isn't driven by the one that has the turn.
#[tokio::test]
async fn a_run_that_was_begun_inside_and_is_driven_beside_waits() {
    let ctx = Context::new();
    let inner = ctx.clone();
    let outer = Run::<()>::new("outer", move |_| async move {
        let beside = quick(&inner, Busy::Wait);
        tokio::spawn(beside.into_future());
        tokio::task::yield_now().await;
        Ok(())
    });
    outer.context(&ctx).await.unwrap();
    quick(&ctx, Busy::Wait).await.unwrap();
}
