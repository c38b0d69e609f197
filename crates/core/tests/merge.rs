//! How branches of a context come together again.
#![allow(clippy::unwrap_used)]

use std::{cell::Cell, collections::BTreeSet, error::Error as _};

use mainstem_core::{Context, Error, ErrorKind, Key, Merge, Message};
use proptest::prelude::*;

const ONE: Key<Vec<u32>> = Key::new("one");
const LAST: Key<Vec<u32>> = Key::new("last").merged_by(Merge::Replace);
const LIST: Key<Vec<u32>> = Key::new("list").merged_by(Merge::Append);
const ALL: Key<Vec<u32>> = Key::new("all").reduced_by(reduce);
const KEYS: [Key<Vec<u32>>; 4] = [ONE, LAST, LIST, ALL];

/// Shows in which order it was called, and with what.
fn reduce(before: Option<Vec<u32>>, so_far: Vec<u32>, branch: Vec<u32>) -> Vec<u32> {
    let before = before.map_or(999, |it| it.iter().sum());
    [so_far, branch, vec![before % 1000]].concat()
}

fn say(ctx: &Context, text: &str) {
    ctx.add_message(Message::assistant(text));
}

fn texts(ctx: &Context) -> Vec<String> {
    ctx.messages().iter().map(Message::text).collect()
}

fn get(ctx: &Context, key: &Key<Vec<u32>>) -> Option<Vec<u32>> {
    ctx.get(key).unwrap()
}

/// The message of a refused merge, which leaves the context as it was.
fn refused<'a>(ctx: &Context, branches: impl IntoIterator<Item = &'a Context>) -> String {
    let before = ctx.snapshot();
    let error = ctx.merge(branches).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(ctx.snapshot(), before, "nothing is taken over");
    error.to_string()
}

#[test]
fn a_fork_is_merged_into_its_own_context_once() {
    let (ctx, other) = (Context::new(), Context::new());
    let branch = ctx.fork("left");
    say(&branch, "a");
    assert_eq!(
        refused(&other, [&branch]),
        "branch `left` was forked from another context; merge it into that one"
    );
    let inner = branch.fork("inner");
    assert!(refused(&ctx, [&inner]).contains("`inner` was forked from another context"));
    let copy = Context::restore(ctx.snapshot());
    assert!(refused(&copy, [&branch]).contains("another context"));
    assert!(refused(&ctx, [&ctx.fork("right"), &Context::new()]).contains("isn't a fork"));
    assert!(refused(&ctx, [&branch, &branch.clone()]).contains("`left` was merged already"));

    // What was refused can still be merged.
    ctx.merge([&branch]).unwrap();
    say(&branch, "b");
    assert_eq!(
        refused(&ctx, [&branch]),
        "branch `left` was merged already; make another fork for what comes next"
    );
    let unmerged = ctx.fork("right");
    assert!(refused(&ctx, [&unmerged, &branch]).contains("`left` was merged already"));
    ctx.merge([&unmerged]).unwrap();
    assert_eq!(texts(&ctx), ["a"]);
}

#[test]
fn a_removed_value_is_removed_at_the_merge() {
    for key in KEYS {
        let ctx = Context::new();
        ctx.set(&key, &vec![1]).unwrap();
        let (left, right) = (ctx.fork("left"), ctx.fork("right"));
        assert!(left.remove(&key) && !left.remove(&key));
        ctx.merge([&left, &right]).unwrap();
        assert_eq!(get(&ctx, &key), None);
        assert!(ctx.snapshot().values.is_empty());
        assert!(!format!("{ctx:?}").contains(key.name()));
    }
}

#[test]
fn a_value_that_was_set_and_removed_again_was_not_written() {
    let ctx = Context::new();
    let (left, right) = (ctx.fork("left"), ctx.fork("right"));
    left.set(&ONE, &vec![1]).unwrap();
    left.remove(&ONE);
    right.set(&ONE, &vec![2]).unwrap();
    ctx.set(&ONE, &vec![3]).unwrap();
    ctx.remove(&ONE);
    ctx.merge([&left, &right]).unwrap();
    assert_eq!(get(&ctx, &ONE), Some(vec![2]));
}

/// The keys' rules, where a value is removed on one side and written on the other.
#[test]
fn removing_is_writing() {
    let sides = |key| {
        let ctx = Context::new();
        ctx.set(key, &vec![1]).unwrap();
        let (left, right) = (ctx.fork("left"), ctx.fork("right"));
        left.remove(key);
        right.set(key, &vec![1, 2]).unwrap();
        (ctx, left, right)
    };
    let (ctx, left, right) = sides(&ONE);
    assert_eq!(
        refused(&ctx, [&right, &left]),
        "branch `right` and branch `left` both wrote `one`; give its key a rule by \
         `Key::merged_by`, or let only one of them write it"
    );
    let (ctx, left, right) = sides(&LIST);
    assert!(refused(&ctx, [&left, &right]).contains("something else than add to a list"));
    let (ctx, left, right) = sides(&LAST);
    ctx.merge([&left, &right]).unwrap();
    assert_eq!(get(&ctx, &LAST), Some(vec![1, 2]));
    let (ctx, left, right) = sides(&LAST);
    ctx.merge([&right, &left]).unwrap();
    assert_eq!(get(&ctx, &LAST), None);
}

/// The context itself is the first of the writers.
#[test]
fn what_the_context_itself_wrote_since_the_fork_counts() {
    let sides = |key| {
        let ctx = Context::new();
        ctx.set(key, &vec![1]).unwrap();
        let branch = ctx.fork("left");
        branch.set(key, &vec![1, 2]).unwrap();
        ctx.set(key, &vec![1, 3]).unwrap();
        (ctx, branch)
    };
    let (ctx, branch) = sides(&ONE);
    assert_eq!(
        refused(&ctx, [&branch]),
        "the context itself and branch `left` both wrote `one`; give its key a rule by \
         `Key::merged_by`, or let only one of them write it"
    );
    let (ctx, branch) = sides(&LAST);
    ctx.merge([&branch]).unwrap();
    assert_eq!(get(&ctx, &LAST), Some(vec![1, 2]));
    let (ctx, branch) = sides(&LIST);
    ctx.merge([&branch]).unwrap();
    assert_eq!(get(&ctx, &LIST), Some(vec![1, 3, 2]));
}

#[test]
fn a_list_that_was_not_only_added_to_is_not_appended() {
    let written = |left: &[u32], right: &[u32]| {
        let ctx = Context::new();
        ctx.set(&LIST, &vec![1, 2]).unwrap();
        let branches = [ctx.fork("left"), ctx.fork("right")];
        branches[0].set(&LIST, &left.to_vec()).unwrap();
        branches[1].set(&LIST, &right.to_vec()).unwrap();
        (ctx, branches)
    };
    for (left, right) in [
        (&[9, 8, 7][..], &[1, 2, 3][..]),
        (&[1, 2, 3], &[9, 8, 7]),
        (&[1], &[1, 2]),
        (&[1, 2, 3], &[]),
    ] {
        let (ctx, branches) = written(left, right);
        assert_eq!(
            refused(&ctx, &branches),
            "branch `left` and branch `right` both wrote `list`, whose rule is `Append`, and one \
             did something else than add to a list; only add to it in branches"
        );
        // One alone may do as it likes.
        ctx.merge([&branches[0]]).unwrap();
        assert_eq!(get(&ctx, &LIST).unwrap(), left);
    }
    let (ctx, branches) = written(&[1, 2], &[1, 2, 3]);
    ctx.merge(&branches).unwrap();
    assert_eq!(get(&ctx, &LIST), Some(vec![1, 2, 3]));
}

#[test]
fn an_appended_value_that_is_no_list_is_a_conflict_with_its_cause() {
    let key = Key::<u8>::new("n").merged_by(Merge::Append);
    let ctx = Context::new();
    let (a, b) = (ctx.fork("a"), ctx.fork("b"));
    a.set(&key, &1).unwrap();
    b.set(&key, &2).unwrap();
    let error: Error = ctx.merge([&a, &b]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.source().is_some());
}

#[test]
fn items_that_were_stored_with_other_white_space_are_the_same() {
    let stored = r#"{"values": {"facts": [ {"a": 1}, 18446744073709551616 ]}}"#;
    let facts = Key::<Vec<serde_json::Value>>::new("facts").merged_by(Merge::Append);
    let ctx = Context::restore(serde_json::from_str(stored).unwrap());
    let branches = [ctx.fork("a"), ctx.fork("b")];
    for branch in &branches {
        let mut all = branch.get(&facts).unwrap().unwrap();
        all.push(true.into());
        branch.set(&facts, &all).unwrap();
    }
    ctx.merge(&branches).unwrap();
    assert_eq!(ctx.get(&facts).unwrap().unwrap().len(), 4);
}

#[test]
fn a_function_reduces_in_the_order_of_writers() {
    let ctx = Context::new();
    ctx.set(&ALL, &vec![1]).unwrap();
    let branches = [ctx.fork("a"), ctx.fork("b"), ctx.fork("c")];
    branches[0].set(&ALL, &vec![2]).unwrap();
    branches[2].set(&ALL, &vec![3]).unwrap();
    ctx.merge(&branches).unwrap();
    assert_eq!(get(&ctx, &ALL), Some(vec![2, 3, 1]));

    // What the context itself wrote comes first; a function isn't called for a value alone.
    let branches = [ctx.fork("a"), ctx.fork("b")];
    branches[0].set(&ALL, &vec![4]).unwrap();
    ctx.set(&ALL, &vec![5]).unwrap();
    ctx.merge(&branches).unwrap();
    assert_eq!(get(&ctx, &ALL), Some(vec![5, 4, 6]));
    let alone = ctx.fork("a");
    alone.set(&ALL, &vec![7]).unwrap();
    ctx.merge([&alone]).unwrap();
    assert_eq!(get(&ctx, &ALL), Some(vec![7]));
}

#[test]
fn a_value_that_is_not_there_any_more_or_of_another_type_is_not_reduced() {
    let ctx = Context::new();
    ctx.set(&ALL, &vec![1]).unwrap();
    let branches = [ctx.fork("a"), ctx.fork("b")];
    branches[0].set(&ALL, &vec![2]).unwrap();
    branches[1].remove(&ALL);
    assert_eq!(
        refused(&ctx, &branches),
        "branch `a` and branch `b` both wrote `all`, whose rule is `Reduce`, and one removed it; \
         only set it in branches"
    );
    let odd: Key<String> = Key::new("all").reduced_by(|_, _, branch| branch);
    let branches = [ctx.fork("a"), ctx.fork("b")];
    branches[0].set(&odd, &"x".to_owned()).unwrap();
    branches[1].set(&ALL, &vec![2]).unwrap();
    let error = ctx.merge(&branches).unwrap_err();
    assert!(error.source().is_some());
    assert_eq!(
        error.to_string(),
        "branch `a` and branch `b` both wrote `all`, whose rule is `Reduce`, and its function can't \
         be called with what they wrote; let all keys of that name have the same type"
    );
}

#[test]
fn a_function_that_a_branch_of_a_branch_knew_is_known_above() {
    let ctx = Context::new();
    let outer = [ctx.fork("a"), ctx.fork("b")];
    for (branch, value) in outer.iter().zip([1, 2]) {
        let inner = branch.fork("inner");
        inner.set(&ALL, &vec![value]).unwrap();
        branch.merge([&inner]).unwrap();
    }
    ctx.merge(&outer).unwrap();
    assert_eq!(get(&ctx, &ALL), Some(vec![1, 2, 999]));
}

#[test]
#[should_panic(expected = "is made by `Key::reduced_by`")]
fn the_rule_of_a_function_needs_one() {
    let _ = Key::<u32>::new("n").merged_by(Merge::Reduce);
}

#[test]
fn two_rules_for_one_value_are_none() {
    let ctx = Context::new();
    let branches = [ctx.fork("a"), ctx.fork("b")];
    let key = Key::new("n");
    branches[0].set(&key, &1).unwrap();
    branches[1].set(&key.merged_by(Merge::Replace), &2).unwrap();
    assert_eq!(
        refused(&ctx, &branches),
        "branch `a` and branch `b` both wrote `n` by keys of different rules; let them share one \
         `Key`"
    );
}

#[test]
fn a_branch_that_forgot_its_messages_takes_away_what_it_knew_and_no_more() {
    let ctx = Context::new();
    say(&ctx, "old");
    let branches = [ctx.fork("a"), ctx.fork("b"), ctx.fork("c")];
    say(&ctx, "meanwhile");
    say(&branches[0], "a");
    say(&branches[1], "forgotten");
    branches[1].clear_messages();
    say(&branches[1], "b");
    branches[2].clear_messages();
    branches[2].thread("t").add(Message::user("c"));
    ctx.merge(&branches).unwrap();
    assert_eq!(texts(&ctx), ["meanwhile", "a", "b"]);
    assert_eq!(ctx.thread("t").messages().len(), 1);
}

#[test]
fn a_context_that_forgot_its_messages_gets_only_the_new_ones_of_a_branch() {
    let ctx = Context::new();
    say(&ctx, "old");
    let branch = ctx.fork("branch");
    say(&branch, "new");
    ctx.clear_messages();
    say(&ctx, "since");
    ctx.merge([&branch]).unwrap();
    assert_eq!(texts(&ctx), ["since", "new"]);
    ctx.clear_messages();
    assert!(ctx.snapshot().threads.is_empty());
}

#[test]
fn a_fork_of_a_fork_merges_level_by_level() {
    let ctx = Context::new();
    say(&ctx, "root");
    ctx.set(&LIST, &vec![1]).unwrap();
    ctx.set(&ONE, &vec![1]).unwrap();
    let outer = ctx.fork("outer");
    say(&outer, "outer");
    outer.set(&LIST, &vec![1, 2]).unwrap();
    let inner = outer.fork("inner");
    say(&inner, "inner");
    inner.set(&LIST, &vec![1, 2, 3]).unwrap();
    inner.remove(&ONE);
    ctx.set(&LIST, &vec![1, 4]).unwrap();
    assert!(refused(&ctx, [&inner]).contains("another context"));
    outer.merge([&inner]).unwrap();
    say(&outer, "after");
    ctx.merge([&outer]).unwrap();
    assert_eq!(texts(&ctx), ["root", "outer", "inner", "after"]);
    assert_eq!(get(&ctx, &LIST), Some(vec![1, 4, 2, 3]));
    assert_eq!(get(&ctx, &ONE), None);

    // A clear goes up, too.
    let outer = ctx.fork("outer");
    let inner = outer.fork("inner");
    inner.clear_messages();
    say(&inner, "anew");
    outer.merge([&inner]).unwrap();
    ctx.merge([&outer]).unwrap();
    assert_eq!(texts(&ctx), ["anew"]);
}

/// What is done to a context.
#[derive(Clone, Debug)]
enum Op {
    Say(usize),
    Clear,
    Push(usize),
    Set(usize),
    Remove(usize),
    /// Branches, what the context itself does meanwhile, and whether they are merged one by one.
    Fork(Vec<Vec<Op>>, Vec<Op>, bool),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let plain = prop_oneof![
        3 => (0usize..2).prop_map(Op::Say),
        1 => Just(Op::Clear),
        3 => (0usize..4).prop_map(Op::Push),
        1 => (0usize..4).prop_map(Op::Set),
        1 => (0usize..4).prop_map(Op::Remove),
    ];
    let meanwhile = prop::collection::vec(plain.clone(), 0..3);
    let op = plain.prop_recursive(3, 24, 4, move |inner| {
        let branch = prop::collection::vec(inner, 0..4);
        let branches = prop::collection::vec(branch, 1..4);
        (branches, meanwhile.clone(), any::<bool>())
            .prop_map(|(branches, meanwhile, single)| Op::Fork(branches, meanwhile, single))
    });
    prop::collection::vec(op, 0..8)
}

const THREADS: [&str; 2] = ["", "other"];

/// The rules of `merge` in the plainest words: whole sets and lists, no numbers.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    threads: [Vec<u32>; 2],
    values: [Option<Vec<u32>>; 4],
    written: BTreeSet<usize>,
}

impl Model {
    fn wrote(&self, base: &Self, key: usize) -> bool {
        self.written.contains(&key) && (self.values[key].is_some() || base.values[key].is_some())
    }

    /// Takes over one branch, or says that it can't.
    fn take(&mut self, base: &Self, branch: &Self) -> bool {
        for (key, value) in branch.values.iter().enumerate() {
            if !branch.wrote(base, key) {
                continue;
            }
            self.values[key] = match (KEYS[key].merge(), self.wrote(base, key)) {
                (_, false) | (Merge::Replace, true) => value.clone(),
                (Merge::Append, true) => {
                    let list = |value: &Option<Vec<u32>>| value.clone().unwrap_or_default();
                    let (before, so_far) = (list(&base.values[key]), list(&self.values[key]));
                    let branch = list(value);
                    let (true, Some(added)) = (
                        so_far.starts_with(&before),
                        branch.strip_prefix(before.as_slice()),
                    ) else {
                        return false;
                    };
                    Some([&so_far, added].concat())
                }
                (Merge::Reduce, true) => {
                    let (Some(so_far), Some(branch)) = (self.values[key].clone(), value.clone())
                    else {
                        return false;
                    };
                    Some(reduce(base.values[key].clone(), so_far, branch))
                }
                _ => return false,
            };
            self.written.insert(key);
        }
        for ((mine, theirs), known) in self
            .threads
            .iter_mut()
            .zip(&branch.threads)
            .zip(&base.threads)
        {
            mine.retain(|it| !known.contains(it) || theirs.contains(it));
            mine.extend(theirs.iter().filter(|it| !known.contains(it)));
        }
        true
    }
}

/// Does the same to a context and to the model.
struct Player(Cell<u32>);

impl Player {
    fn play(&self, ctx: &Context, model: &mut Model, ops: &[Op]) {
        for op in ops {
            self.0.set(self.0.get() + 1);
            let number = self.0.get();
            match op {
                Op::Say(thread) => {
                    ctx.thread(THREADS[*thread])
                        .add(Message::user(number.to_string()));
                    model.threads[*thread].push(number);
                }
                Op::Clear => {
                    ctx.clear_messages();
                    model.threads = Default::default();
                }
                Op::Push(key) => {
                    let mut list = get(ctx, &KEYS[*key]).unwrap_or_default();
                    list.push(number);
                    self.set(ctx, model, *key, list);
                }
                Op::Set(key) => self.set(ctx, model, *key, vec![number]),
                Op::Remove(key) => {
                    let removed = ctx.remove(&KEYS[*key]);
                    assert_eq!(removed, model.values[*key].is_some());
                    if removed {
                        model.values[*key] = None;
                        model.written.insert(*key);
                    }
                }
                Op::Fork(branches, meanwhile, single) => {
                    self.fork(ctx, model, (branches, meanwhile, *single));
                }
            }
        }
    }

    fn set(&self, ctx: &Context, model: &mut Model, key: usize, value: Vec<u32>) {
        ctx.set(&KEYS[key], &value).unwrap();
        model.values[key] = Some(value);
        model.written.insert(key);
    }

    fn fork(&self, ctx: &Context, model: &mut Model, fork: (&[Vec<Op>], &[Op], bool)) {
        let (branches, meanwhile, single) = fork;
        // What is written from here on is what was written since the fork.
        let before = std::mem::take(&mut model.written);
        let base = model.clone();
        let forks: Vec<_> = branches
            .iter()
            .map(|_| (ctx.fork("b"), base.clone()))
            .collect();
        let mut ends = Vec::new();
        // Branches run at the same time: here, the later ones are faster.
        for (ops, (fork, mut end)) in branches.iter().zip(forks).rev() {
            self.play(&fork, &mut end, ops);
            ends.insert(0, (fork, end));
        }
        self.play(ctx, model, meanwhile);
        if single {
            for (fork, end) in &ends {
                let mut merged = model.clone();
                let merges = merged.take(&base, end);
                assert_eq!(ctx.merge([fork]).is_ok(), merges);
                if merges {
                    *model = merged;
                }
            }
        } else {
            let mut merged = model.clone();
            let merges = ends.iter().all(|(_, end)| merged.take(&base, end));
            assert_eq!(ctx.merge(ends.iter().map(|(fork, _)| fork)).is_ok(), merges);
            if merges {
                *model = merged;
            }
        }
        model.written.extend(before);
    }
}

proptest! {
    #[test]
    fn a_merge_is_as_the_rules_say(ops in ops()) {
        let (ctx, mut model) = (Context::new(), Model::default());
        Player(Cell::new(0)).play(&ctx, &mut model, &ops);
        for (thread, expected) in THREADS.iter().zip(&model.threads) {
            let messages = ctx.thread(*thread).messages();
            let got: Vec<u32> = messages.iter().map(|it| it.text().parse().unwrap()).collect();
            prop_assert_eq!(&got, expected);
        }
        for (key, expected) in KEYS.iter().zip(&model.values) {
            prop_assert_eq!(&get(&ctx, key), expected);
        }
        prop_assert_eq!(Context::restore(ctx.snapshot()).snapshot(), ctx.snapshot());
    }

    /// Branches that write different things come to what one after the other would have written,
    /// in whatever order they are merged.
    #[test]
    fn disjoint_branches_are_as_one_after_the_other(
        writes in prop::collection::vec((0usize..3, any::<bool>(), 0u32..9), 0..20),
        order in Just([0, 1, 2]).prop_shuffle(),
    ) {
        let threads = ["x", "y", "z"];
        let write = |ctx: &Context, (branch, says, value): (usize, bool, u32)| {
            if says {
                ctx.thread(threads[branch]).add(Message::user(value.to_string()));
            } else if value == 0 {
                ctx.remove(&KEYS[branch]);
            } else {
                ctx.set(&KEYS[branch], &vec![value]).unwrap();
            }
        };
        let (sequential, ctx) = (Context::new(), Context::new());
        let forks = threads.map(|name| ctx.fork(name));
        for it in writes {
            write(&sequential, it);
            write(&forks[it.0], it);
        }
        ctx.merge(order.map(|branch: usize| &forks[branch])).unwrap();
        prop_assert_eq!(ctx.snapshot(), sequential.snapshot());
    }
}
