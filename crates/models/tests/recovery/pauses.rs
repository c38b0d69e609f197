//! Attempts before the first piece, and the time between them.

use std::time::Duration;

use mainstem_core::{Error, ErrorKind, Recall, Usage, test_util::ScriptedModel};
use mainstem_models::{Recovery, RecoveryBuilder};

use crate::{Named, Read, SECOND, failing, recovery, status};

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
async fn jitter_is_by_chance_or_by_its_seed() {
    let pause = async |first: Duration, seed: Option<u64>| {
        let model = ScriptedModel::new()
            .script(failing(status(500)))
            .answer(["Jay"]);
        let plan = Recovery::of(model).backoff(first, 2 * first);
        let plan = seed.into_iter().fold(plan, RecoveryBuilder::jitter_seed);
        let took = Read::of(&plan.build().unwrap(), Recall::never()).await.took;
        // Timers have milliseconds.
        let longest = first + first / 2 + Duration::from_millis(1);
        assert!((first..=longest).contains(&took), "{took:?}");
        took
    };
    let seeded = pause(SECOND, Some(1)).await;
    assert_eq!(pause(SECOND, Some(1)).await, seeded);
    assert_ne!(pause(SECOND, Some(2)).await, seeded);
    // Long ones, of which no two are the same by chance.
    let long = 100_000 * SECOND;
    assert_ne!(pause(long, None).await, pause(long, None).await);
}
