use proptest::prelude::*;

use super::super::random_ops::{copy_of, ops, play, play_on, steps, tell_apart};
use crate::{Context, ContextSnapshot, ErrorKind, Json, Key, Merge, Message, Part, Role, TextPart};

const LAST: Key<u32> = Key::new("last").merged_by(Merge::Replace);
const LIST: Key<Vec<u32>> = Key::new("list").merged_by(Merge::Append);
const BEST: Key<u32> = Key::new("best").reduced_by(|_, so_far, branch| so_far.max(branch));
const ONE: Key<u32> = Key::new("one");

fn texts(ctx: &Context) -> Vec<String> {
    ctx.messages().iter().map(Message::text).collect()
}

/// A session with some history, and its snapshot as a database keeps it: with other white space.
fn session() -> (Context, ContextSnapshot) {
    let ctx = Context::new();
    ctx.add_user_message("a");
    let mut part = TextPart::new("b");
    part.provider_data = Some(Json::parse(r#"{ "b":1, "a":[] }"#).unwrap());
    ctx.add_message(Message::new(Role::Assistant, vec![Part::Text(part)]));
    ctx.set(&LAST, &1).unwrap();
    ctx.set(&LIST, &vec![1]).unwrap();
    ctx.set(&BEST, &1).unwrap();
    ctx.set(&ONE, &1).unwrap();
    let value = serde_json::to_value(ctx.snapshot()).unwrap();
    let json = serde_json::to_string_pretty(&value).unwrap();
    let snapshot = serde_json::from_str(&json).unwrap();
    (ctx, snapshot)
}

/// The same session in this process, and as it is loaded by another one.
fn here_and_elsewhere(ctx: &Context) -> [Context; 2] {
    let loaded = Context::restore(ctx.snapshot());
    loaded.declare(&BEST);
    [ctx.clone(), loaded]
}

#[test]
fn a_resumed_run_adds_what_it_changed_since_its_snapshot() {
    for index in 0..2 {
        let (ctx, snapshot) = session();
        let ctx = &here_and_elsewhere(&ctx)[index];
        let run = ctx.fork_from("run", snapshot);
        assert_eq!(texts(&run), ["a", "b"]);
        run.add_user_message("run");
        run.set(&ONE, &2).unwrap();
        run.set(&LIST, &vec![2]).unwrap();
        run.remove(&LAST);
        ctx.merge([&run]).unwrap();
        assert_eq!(texts(ctx), ["a", "b", "run"]);
        assert_eq!(ctx.get(&ONE).unwrap(), Some(2));
        assert_eq!(ctx.get(&LAST).unwrap(), None);
        assert_eq!(ctx.get(&LIST).unwrap(), Some(vec![2]));
        assert_eq!(ctx.merge([&run]).unwrap_err().kind(), ErrorKind::Conflict);
    }
}

#[test]
fn what_was_written_in_between_was_written_by_the_session_itself() {
    for (index, later) in [(0, false), (1, false), (0, true), (1, true)] {
        let (ctx, snapshot) = session();
        let between = |ctx: &Context| {
            ctx.add_user_message("between");
            ctx.set(&LAST, &5).unwrap();
            ctx.set(&LIST, &vec![1, 5]).unwrap();
            ctx.set(&BEST, &5).unwrap();
        };
        if !later {
            between(&ctx);
        }
        let ctx = &here_and_elsewhere(&ctx)[index];
        let run = ctx.fork_from("run", snapshot);
        if later {
            between(ctx);
        }
        run.add_user_message("run");
        run.set(&LAST, &3).unwrap();
        run.set(&LIST, &vec![1, 3]).unwrap();
        run.set(&BEST, &3).unwrap();
        ctx.merge([&run]).unwrap();
        assert_eq!(texts(ctx), ["a", "b", "between", "run"]);
        assert_eq!(ctx.get(&LAST).unwrap(), Some(3));
        assert_eq!(ctx.get(&LIST).unwrap(), Some(vec![1, 5, 3]));
        assert_eq!(ctx.get(&BEST).unwrap(), Some(5));
    }
}

#[test]
fn a_value_that_both_wrote_without_a_rule_is_a_conflict_unless_it_is_the_snapshots() {
    let merged = |between: &dyn Fn(&Context)| {
        let (ctx, snapshot) = session();
        between(&ctx);
        let [here, elsewhere] = here_and_elsewhere(&ctx);
        let results = [&elsewhere, &here].map(|ctx| {
            let run = ctx.fork_from("run", snapshot.clone());
            run.set(&ONE, &3).unwrap();
            ctx.merge([&run]).map_err(|error| error.to_string())
        });
        assert_eq!(results[0], results[1]);
        results[0].clone()
    };
    merged(&|ctx| ctx.set(&ONE, &1).unwrap()).unwrap();
    let conflict = "the context itself and branch `run` both wrote `one`; give its key a rule by \
         `Key::merged_by`, or let only one of them write it";
    assert_eq!(
        merged(&|ctx| ctx.set(&ONE, &2).unwrap()).unwrap_err(),
        conflict
    );
    let removed = merged(&|ctx| assert!(ctx.remove(&ONE)));
    assert_eq!(removed.unwrap_err(), conflict);
}

#[test]
fn messages_that_were_forgotten_in_between_stay_forgotten() {
    for index in 0..2 {
        let (ctx, snapshot) = session();
        ctx.clear_messages();
        ctx.add_user_message("between");
        let ctx = &here_and_elsewhere(&ctx)[index];
        let run = ctx.fork_from("run", snapshot);
        run.add_user_message("run");
        ctx.merge([&run]).unwrap();
        assert_eq!(texts(ctx), ["between", "run"]);
    }
}

#[test]
fn a_run_that_forgot_takes_away_what_the_snapshot_had_and_no_more() {
    for (index, forgot_too) in [(0, false), (1, false), (0, true), (1, true)] {
        let (ctx, snapshot) = session();
        if forgot_too {
            ctx.clear_messages();
        }
        ctx.add_user_message("between");
        let ctx = &here_and_elsewhere(&ctx)[index];
        let run = ctx.fork_from("run", snapshot);
        ctx.add_user_message("later");
        run.clear_messages();
        run.add_user_message("run");
        run.thread("own").add(Message::user("x"));
        ctx.thread("own").add(Message::user("y"));
        ctx.merge([&run]).unwrap();
        assert_eq!(texts(ctx), ["between", "later", "run"]);
        let own: Vec<_> = ctx
            .thread("own")
            .messages()
            .iter()
            .map(Message::text)
            .collect();
        assert_eq!(own, ["y", "x"]);
    }
}

/// A session that forgot a part of the snapshot's messages, by merging a branch that did.
#[test]
fn a_part_of_the_snapshot_may_be_forgotten_on_either_side() {
    for index in 0..2 {
        let ctx = Context::new();
        ctx.add_user_message("a");
        let forgets = ctx.fork("forgets");
        forgets.clear_messages();
        ctx.add_user_message("b");
        let snapshot = ctx.snapshot();
        ctx.merge([&forgets]).unwrap();
        ctx.add_user_message("c");
        assert_eq!(texts(&ctx), ["b", "c"]);
        let ctx = &here_and_elsewhere(&ctx)[index];
        for (clears, expected) in [
            (false, ["b", "c", "run"].as_slice()),
            (true, &["c", "run", "run"]),
        ] {
            let run = ctx.fork_from("run", snapshot.clone());
            if clears {
                run.clear_messages();
            }
            run.add_user_message("run");
            ctx.merge([&run]).unwrap();
            assert_eq!(texts(ctx), expected);
        }
    }
}

#[test]
fn a_run_that_forgot_less_than_the_session_brings_nothing_back() {
    let (ctx, snapshot) = session();
    let run = ctx.fork_from("run", snapshot);
    let inner = run.fork("inner");
    inner.clear_messages();
    run.add_user_message("run");
    run.merge([&inner]).unwrap();
    ctx.clear_messages();
    ctx.add_user_message("since");
    ctx.merge([&run]).unwrap();
    assert_eq!(texts(&ctx), ["since", "run"]);
}

proptest! {
    /// The first segment's fork, and those that are put together again here and elsewhere.
    #[test]
    fn a_resumed_run_merges_as_the_first_one_would_have(
        mut first in ops(),
        mut run in steps(),
        mut between in steps(),
        mut later in steps(),
    ) {
        let mut next = 0;
        tell_apart(&mut first, &mut next);
        for ops in between.iter_mut().chain(&mut run).chain(&mut later) {
            tell_apart(ops, &mut next);
        }
        let ctx = Context::new();
        play(&ctx, &first);
        let (here, snapshot) = (copy_of(&ctx), ctx.snapshot());
        let forked = ctx.fork("run");
        play_on(&ctx, &[&here], &between);
        let elsewhere = copy_of(&ctx);
        let resumed = here.fork_from("run", snapshot.clone());
        let again = elsewhere.fork_from("run", snapshot);
        play_on(&forked, &[&resumed, &again], &run);
        play_on(&ctx, &[&here, &elsewhere], &later);

        let message = |result: crate::Result<()>| result.map_err(|error| error.to_string());
        let merged = message(ctx.merge([&forked]));
        prop_assert_eq!(&message(here.merge([&resumed])), &merged);
        prop_assert_eq!(&message(elsewhere.merge([&again])), &merged);
        prop_assert_eq!(here.snapshot(), ctx.snapshot());
        prop_assert_eq!(elsewhere.snapshot(), ctx.snapshot());
    }
}
