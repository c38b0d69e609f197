//! What may be done to a context, at random: for property tests.

use proptest::prelude::*;

use super::{Context, ContextDelta, ContextSnapshot, Key, Merge};
use crate::Message;

pub(super) const LAST: Key<Vec<u32>> = Key::new("last").merged_by(Merge::Replace);
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
pub(super) enum Op {
    Say(usize, u32),
    Clear,
    Set(usize, u32),
    Push(usize, u32),
    Remove(usize),
    /// Branches, and what the context itself does meanwhile.
    Fork(Vec<Vec<Op>>, Vec<Op>),
}

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
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

pub(super) fn steps() -> impl Strategy<Value = Vec<Vec<Op>>> {
    prop::collection::vec(ops(), 0..4)
}

pub(super) fn play(ctx: &Context, ops: &[Op]) {
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
pub(super) fn copy_of(ctx: &Context) -> Context {
    let json = serde_json::to_string(&ctx.snapshot()).unwrap();
    let snapshot: ContextSnapshot = serde_json::from_str(&json).unwrap();
    let copy = Context::restore(snapshot);
    KEYS.iter().for_each(|key| copy.declare(key));
    copy
}

/// Does steps, and applies what they changed to copies.
pub(super) fn play_on(ctx: &Context, copies: &[&Context], steps: &[Vec<Op>]) {
    for ops in steps {
        let (mark, before) = (ctx.mark(), ctx.snapshot());
        play(ctx, ops);
        let delta = ctx.changes_since(&mark);
        if delta.is_none() {
            assert_eq!(ctx.snapshot(), before);
        }
        let json = serde_json::to_string(&delta).unwrap();
        let read: Option<ContextDelta> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, delta);
        for copy in copies {
            if let Some(delta) = &read {
                copy.apply(delta).unwrap();
            }
            assert_eq!(copy.snapshot(), ctx.snapshot());
        }
    }
}

/// Gives each message and each value a number of its own, and each name of a key one rule.
pub(super) fn tell_apart(ops: &mut [Op], next: &mut u32) {
    for op in ops {
        *next += 1;
        match op {
            Op::Say(_, n) => *n = *next,
            Op::Set(key, n) | Op::Push(key, n) => {
                (*key, *n) = (*key % 4, *next);
            }
            Op::Remove(key) => *key %= 4,
            Op::Clear => {}
            Op::Fork(branches, meanwhile) => {
                branches.iter_mut().for_each(|ops| tell_apart(ops, next));
                tell_apart(meanwhile, next);
            }
        }
    }
}
