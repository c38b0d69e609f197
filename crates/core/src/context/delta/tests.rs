use proptest::prelude::*;

use super::{
    super::random_ops::{LAST, copy_of, ops, play, play_on, steps},
    *,
};
use crate::ContextSnapshot;

proptest! {
    #[test]
    fn a_copy_that_applies_what_changed_is_equal(first in ops(), steps in steps()) {
        let ctx = Context::new();
        play(&ctx, &first);
        let (copy, at_once) = (copy_of(&ctx), copy_of(&ctx));
        let mark = ctx.mark();
        play_on(&ctx, &[&copy], &steps);
        // The same as one step.
        if let Some(delta) = ctx.changes_since(&mark) {
            at_once.apply(&delta).unwrap();
        }
        prop_assert_eq!(at_once.snapshot(), ctx.snapshot());
    }

    #[test]
    fn a_fork_of_applied_changes_merges_as_the_first_one(
        first in ops(),
        branches in prop::collection::vec(steps(), 1..4),
        meanwhile in steps(),
        last in steps(),
    ) {
        let ctx = Context::new();
        play(&ctx, &first);
        let (copy, third) = (copy_of(&ctx), copy_of(&ctx));
        let mark = ctx.mark();
        let mut forks = Vec::new();
        for steps in &branches {
            let (fork, again) = (ctx.fork("b"), copy.fork("b"));
            play_on(&fork, &[&again], steps);
            forks.push((fork, again));
        }
        play_on(&ctx, &[&copy], &meanwhile);
        let merged = ctx.merge(forks.iter().map(|(fork, _)| fork));
        let again = copy.merge(forks.iter().map(|(_, again)| again));
        let message = |result: Result<()>| result.map_err(|error| error.to_string());
        prop_assert_eq!(message(merged), message(again));
        prop_assert_eq!(copy.snapshot(), ctx.snapshot());
        play_on(&ctx, &[&copy], &last);
        if let Some(delta) = ctx.changes_since(&mark) {
            third.apply(&delta).unwrap();
        }
        prop_assert_eq!(third.snapshot(), ctx.snapshot());
    }
}

#[test]
fn what_was_read_or_came_to_nothing_is_no_change() {
    let ctx = Context::new();
    ctx.add_user_message("a");
    let mark = ctx.mark();
    let _ = (
        ctx.messages(),
        ctx.snapshot(),
        ctx.get(&LAST),
        ctx.fork("b"),
    );
    ctx.merge([&ctx.fork("b")]).unwrap();
    assert!(!ctx.remove(&LAST));
    assert_eq!(ctx.changes_since(&mark), None);
    ctx.thread("other").add(Message::user("b"));
    assert!(ctx.changes_since(&mark).is_some());
    assert_eq!(ctx.changes_since(&ctx.mark()), None);
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let from = Context::new();
    from.add_user_message("a");
    let mark = from.mark();
    from.clear_messages();
    from.set(&LAST, &vec![1]).unwrap();
    let delta = from.changes_since(&mark).unwrap();
    let ctx = Context::new();
    let error = ctx.apply(&delta).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(
        error.to_string(),
        "a step forgot 1 messages of the thread ``, which has 0; resume the run with the context \
         that it began with"
    );
    assert_eq!(ctx.snapshot(), ContextSnapshot::default());
}
