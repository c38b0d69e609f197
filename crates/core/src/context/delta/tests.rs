use proptest::prelude::*;

use super::*;
use crate::{ContextSnapshot, Key};

const LAST: Key<Vec<u32>> = Key::new("last").merged_by(Merge::Replace);
const LIST: Key<Vec<u32>> = Key::new("list").merged_by(Merge::Append);
const ALL: Key<Vec<u32>> = Key::new("all").reduced_by(|before, so_far, branch| {
    let known = before.map_or(0, |it| it.len());
    so_far
        .into_iter()
        .chain(branch.into_iter().skip(known))
        .collect()
});
/// The last one has the name of the one before, and another rule.
const KEYS: [Key<Vec<u32>>; 5] = [LAST, LIST, ALL, Key::new("one"), Key::new("last")];
const THREADS: [&str; 2] = ["", "other"];

#[derive(Clone, Debug)]
enum Op {
    Say(usize, u32),
    Clear,
    Set(usize, u32),
    Push(usize, u32),
    Remove(usize),
    /// Branches, and what the context itself does meanwhile.
    Fork(Vec<Vec<Op>>, Vec<Op>),
}

type Steps = Vec<Vec<Op>>;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let plain = prop_oneof![
        3 => (0usize..2, 0u32..9).prop_map(|(thread, n)| Op::Say(thread, n)),
        1 => Just(Op::Clear),
        2 => (0usize..5, 0u32..9).prop_map(|(key, n)| Op::Set(key, n)),
        3 => (0usize..5, 0u32..9).prop_map(|(key, n)| Op::Push(key, n)),
        2 => (0usize..5).prop_map(Op::Remove),
    ];
    let meanwhile = prop::collection::vec(plain.clone(), 0..3);
    let op = plain.prop_recursive(2, 12, 3, move |inner| {
        let branches = prop::collection::vec(prop::collection::vec(inner, 0..4), 1..4);
        (branches, meanwhile.clone()).prop_map(|(branches, ops)| Op::Fork(branches, ops))
    });
    prop::collection::vec(op, 0..6)
}

fn steps() -> impl Strategy<Value = Steps> {
    prop::collection::vec(ops(), 0..4)
}

fn play(ctx: &Context, ops: &[Op]) {
    for op in ops {
        match op {
            Op::Say(thread, n) => ctx
                .thread(THREADS[*thread])
                .add(Message::user(n.to_string())),
            Op::Clear => ctx.clear_messages(),
            Op::Set(key, n) => ctx.set(&KEYS[*key], &vec![*n]).unwrap(),
            Op::Push(key, n) => {
                let mut list = ctx.get(&KEYS[*key]).unwrap().unwrap_or_default();
                list.push(*n);
                ctx.set(&KEYS[*key], &list).unwrap();
            }
            Op::Remove(key) => {
                ctx.remove(&KEYS[*key]);
            }
            Op::Fork(branches, meanwhile) => {
                let forks: Vec<_> = branches.iter().map(|_| ctx.fork("inner")).collect();
                for (fork, ops) in forks.iter().zip(branches) {
                    play(fork, ops);
                }
                play(ctx, meanwhile);
                // A merge that is refused is a step's failure, which it may handle.
                let _ = ctx.merge(&forks);
            }
        }
    }
}

/// As another process gets it.
fn copy_of(ctx: &Context) -> Context {
    let json = serde_json::to_string(&ctx.snapshot()).unwrap();
    let snapshot: ContextSnapshot = serde_json::from_str(&json).unwrap();
    let copy = Context::restore(snapshot);
    KEYS.iter().for_each(|key| copy.declare(key));
    copy
}

/// Does steps, and applies what they changed to a copy.
fn play_both(ctx: &Context, copy: &Context, steps: &Steps) {
    for ops in steps {
        let (mark, before) = (ctx.mark(), ctx.snapshot());
        play(ctx, ops);
        match ctx.changes_since(&mark) {
            None => assert_eq!(ctx.snapshot(), before),
            Some(delta) => {
                let json = serde_json::to_string(&delta).unwrap();
                let read: ContextDelta = serde_json::from_str(&json).unwrap();
                assert_eq!(read, delta);
                copy.apply(&read).unwrap();
            }
        }
        assert_eq!(copy.snapshot(), ctx.snapshot());
    }
}

proptest! {
    #[test]
    fn a_copy_that_applies_what_changed_is_equal(first in ops(), steps in steps()) {
        let ctx = Context::new();
        play(&ctx, &first);
        let (copy, at_once) = (copy_of(&ctx), copy_of(&ctx));
        let mark = ctx.mark();
        play_both(&ctx, &copy, &steps);
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
            play_both(&fork, &again, steps);
            forks.push((fork, again));
        }
        play_both(&ctx, &copy, &meanwhile);
        let merged = ctx.merge(forks.iter().map(|(fork, _)| fork));
        let again = copy.merge(forks.iter().map(|(_, again)| again));
        let message = |result: Result<()>| result.map_err(|error| error.to_string());
        prop_assert_eq!(message(merged), message(again));
        prop_assert_eq!(copy.snapshot(), ctx.snapshot());
        play_both(&ctx, &copy, &last);
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
