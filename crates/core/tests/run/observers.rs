//! Callbacks watch; they change nothing, whatever they do.

use mainstem_core::{Event, EventKind, JsonDelta, Notice, Retracted, Run, RunContext};

use crate::common::{Counter, Shared, broken, collect, names, panic_quietly, say, text, texts};

fn talker() -> Run<String> {
    Run::new("talker", |ctx: RunContext| async move {
        ctx.emit(text("")).await;
        ctx.emit(text("Ja")).await;
        ctx.emit(Notice::new("a", "b")).await;
        ctx.emit(JsonDelta::new("")).await;
        ctx.emit(JsonDelta::new("{}")).await;
        ctx.emit(text("ys")).await;
        Ok("Jays".to_owned())
    })
}

/// Emits text, takes it back, and emits other text.
fn retracting() -> Run<()> {
    Run::new("retracts", |ctx: RunContext| async move {
        let since = ctx.next_place();
        ctx.emit(text("old")).await;
        ctx.emit(Retracted::new(since, "again")).await;
        ctx.emit(text("new")).await;
        ctx.emit(Retracted::new(since, "and again")).await;
        ctx.emit(text("newer")).await;
        Ok(())
    })
}

fn notices(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Notice(notice) => Some(&*notice.code),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn on_chunk_gets_the_pieces_that_next_text_gives() {
    let chunks = Shared::default();
    let seen = chunks.clone();
    let mut stream = talker()
        .on_chunk(move |chunk| seen.push(chunk.clone()))
        .stream();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next_text().await.unwrap() {
        pieces.push(piece);
    }
    assert_eq!(pieces, ["Ja", "{}", "ys"]);
    assert_eq!(chunks.get(), pieces);
}

#[tokio::test]
async fn on_event_sees_every_event_before_the_reader_and_in_order() {
    let seen = Shared::default();
    let see = seen.clone();
    let mut stream = talker()
        .on_event(move |event| see.push(event.clone()))
        .stream();
    let mut events = Vec::new();
    while let Some(event) = futures::StreamExt::next(&mut stream).await {
        assert_eq!(seen.get().last(), Some(&event));
        events.push(event);
    }
    assert_eq!(seen.get(), events);
    assert!(events.last().unwrap().is_end());
}

#[tokio::test]
async fn callbacks_are_called_in_an_awaited_run_too() {
    let chunks = Shared::default();
    let seen = chunks.clone();
    let failing = Run::<()>::new("fails", |ctx: RunContext| async move {
        say(ctx, &["a", "b"]).await?;
        Err(broken())
    });
    let ends = Shared::default();
    let end = ends.clone();
    failing
        .on_chunk(move |chunk| seen.push(chunk.to_string()))
        .on_event(move |event| {
            if event.is_end() {
                end.push(event.kind.name().to_owned());
            }
        })
        .await
        .unwrap_err();
    assert_eq!(chunks.get(), ["a", "b"]);
    assert_eq!(ends.get(), ["run_failed"]);
}

#[tokio::test]
async fn a_panicking_callback_is_reported_once_and_called_again_and_harms_no_other() {
    let calls = Counter::default();
    let (called, seen) = (calls.clone(), Shared::default());
    let see = seen.clone();
    let mut stream = talker()
        .on_chunk(move |_| {
            called.add();
            panic_quietly();
        })
        .on_event(move |event| see.push(event.clone()))
        .stream();
    let events = collect(&mut stream).await;
    assert_eq!(calls.get(), 3, "it is called again");
    assert_eq!(notices(&events), ["callback_panicked", "a"]);
    assert_eq!(seen.get(), events);
    let first = events
        .iter()
        .position(|event| event.text().is_some_and(|t| *t == "Ja"));
    assert_eq!(
        names(&events)[first.unwrap() + 1],
        "notice",
        "right after the event"
    );
    assert_eq!(stream.await.unwrap().output, "Jays");
}

#[tokio::test]
async fn a_callback_that_panics_on_its_own_notice_makes_no_loop() {
    let calls = Counter::default();
    let called = calls.clone();
    let mut stream = talker()
        .on_event(move |_| {
            called.add();
            panic_quietly();
        })
        .stream();
    let events = collect(&mut stream).await;
    assert_eq!(notices(&events), ["callback_panicked", "a"]);
    assert_eq!(calls.get(), events.len());
}

#[tokio::test]
async fn a_callback_that_panics_on_the_end_puts_nothing_after_it() {
    let run = talker().on_event(|event| {
        if event.is_end() {
            panic_quietly();
        }
    });
    let mut stream = run.stream();
    let events = collect(&mut stream).await;
    assert_eq!(names(&events).last(), Some(&"run_finished"));
    assert_eq!(stream.await.unwrap().output, "Jays");
}

#[tokio::test]
async fn on_chunk_is_told_nothing_more_after_a_retraction() {
    let chunks = Shared::default();
    let seen = chunks.clone();
    let other = Shared::default();
    let see = other.clone();
    let run = retracting()
        .on_chunk(move |chunk| seen.push(chunk.to_string()))
        .on_event(move |event| see.push(event.clone()));
    let events = collect(&mut run.stream()).await;
    assert_eq!(chunks.get(), ["old"]);
    assert_eq!(notices(&events), ["chunks_retracted"]);
    assert_eq!(other.get(), events, "readers of events go on");
    assert_eq!(texts(&events), ["old", "new", "newer"]);
}

#[tokio::test]
async fn a_retraction_before_any_text_is_nothing_to_on_chunk() {
    let chunks = Shared::default();
    let seen = chunks.clone();
    let run = Run::new("early", |ctx: RunContext| async move {
        let since = ctx.next_place();
        ctx.emit(text("")).await;
        ctx.emit(Retracted::new(since, "again")).await;
        ctx.emit(text("new")).await;
        Ok(())
    })
    .on_chunk(move |chunk| seen.push(chunk.to_string()));
    let events = collect(&mut run.stream()).await;
    assert_eq!(chunks.get(), ["new"]);
    assert_eq!(notices(&events), [""; 0]);
}

#[tokio::test]
async fn a_retraction_of_what_on_chunk_was_not_given_is_nothing_to_it() {
    let chunks = Shared::default();
    let seen = chunks.clone();
    let run = Run::new("r", |ctx: RunContext| async move {
        let since = ctx.next_place();
        ctx.step("say", "agent", |ctx| say(ctx, &["a"])).await?;
        ctx.step("other", "agent", |ctx| async move {
            ctx.emit(Retracted::new(since, "again")).await;
            Ok(())
        })
        .await?;
        ctx.emit(Retracted::new(ctx.next_place(), "again")).await;
        ctx.emit(text("b")).await;
        Ok(())
    })
    .on_chunk(move |chunk| seen.push(chunk.to_string()));
    let events = collect(&mut run.stream()).await;
    assert_eq!(notices(&events), [""; 0]);
    assert_eq!(chunks.get(), ["a", "b"]);
}
