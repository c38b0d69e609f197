//! What a session remembers, how it branches, and what it keeps to itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use mainstem_core::{
    Context, Error, ErrorKind, Key, Merge, Message, ModelSettings, Partial, StepPath, Usage,
};
use proptest::prelude::*;

const NAME: Key<String> = Key::new("name");
const LIST: Key<Vec<u32>> = Key::new("list").merged_by(Merge::Append);
const LAST: Key<u32> = Key::new("last").merged_by(Merge::Replace);

fn texts(ctx: &Context) -> Vec<String> {
    ctx.messages().iter().map(Message::text).collect()
}

#[test]
fn a_value_of_another_type_is_an_error_that_names_the_key() {
    let ctx = Context::new();
    ctx.set(&NAME, &"a secret".to_owned()).unwrap();
    let error = ctx.get(&Key::<u8>::new("name")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(
        error.to_string(),
        "the context's `name` isn't a `u8`; read it by a key of the type that it was set as"
    );
    assert_eq!(ctx.get(&NAME).unwrap().unwrap(), "a secret");
}

#[test]
fn a_value_that_cannot_be_json_is_refused_and_the_old_one_stays() {
    type Odd = std::collections::HashMap<(u8, u8), u8>;
    let ctx = Context::new();
    ctx.set(&Key::new("odd"), &1).unwrap();
    let odd = Odd::from([((1, 2), 3)]);
    let error = ctx.set(&Key::<Odd>::new("odd"), &odd).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(ctx.get(&Key::<u8>::new("odd")).unwrap(), Some(1));
}

#[test]
fn a_value_that_was_removed_is_gone() {
    let ctx = Context::new();
    assert!(!ctx.remove(&NAME));
    ctx.set(&NAME, &"Ada".to_owned()).unwrap();
    assert!(ctx.remove(&NAME));
    assert_eq!(ctx.get(&NAME).unwrap(), None);
}

#[test]
fn debug_shows_names_and_sizes_and_no_content() {
    let ctx = Context::new();
    ctx.add_user_message("my secret");
    ctx.thread("notes").add(Message::assistant("my secret"));
    ctx.set(&NAME, &"my secret".to_owned()).unwrap();
    for shown in [format!("{ctx:?}"), format!("{:?}", ctx.thread("notes"))] {
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains(r#""notes": 1"#), "{shown}");
        assert!(shown.contains("name"), "{shown}");
    }

    let settings = ModelSettings::new().extra_header("authorization", "my secret");
    let shown = format!("{settings:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("authorization"), "{shown}");

    let partial = Partial::new("my secret", Usage::default(), None);
    let error = Error::new(ErrorKind::Truncated, "cut").with_partial(partial);
    for shown in [format!("{error:?}"), error.to_string()] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    let run = mainstem_core::Run::new("r", |_| async { Ok("my secret") }).context(&ctx);
    assert!(!format!("{run:?}").contains("secret"));
    assert!(!format!("{:?}", run.stream()).contains("secret"));
}

#[test]
fn a_clone_is_the_same_session_and_a_fork_another() {
    let ctx = Context::new();
    let same = ctx.clone();
    same.add_user_message("a");
    let fork = ctx.fork("branch");
    fork.add_user_message("b");
    ctx.add_user_message("c");
    assert_eq!(texts(&ctx), ["a", "c"]);
    assert_eq!(texts(&same), ["a", "c"]);
    assert_eq!(texts(&fork), ["a", "b"]);
}

#[test]
fn a_history_is_a_moment_and_doesnt_change() {
    let ctx = Context::new();
    ctx.add_user_message("a");
    let then = ctx.messages();
    ctx.add_user_message("b");
    assert_eq!(then.len(), 1);
    assert_eq!((&then).into_iter().count(), 1);
    assert_eq!(ctx.messages().len(), 2);
}

#[test]
fn a_question_is_asked_once_until_it_is_answered() {
    let ctx = Context::new();
    ctx.main().ask("q");
    ctx.main().ask("q");
    ctx.main().ask("p");
    ctx.main().ask("q");
    ctx.add_message(Message::assistant("a"));
    ctx.main().ask("q");
    assert_eq!(texts(&ctx), ["q", "p", "q", "a", "q"]);
}

#[test]
fn forgetting_the_messages_keeps_the_values() {
    let ctx = Context::new();
    ctx.add_user_message("a");
    ctx.thread("t").add(Message::user("b"));
    ctx.set(&NAME, &"Ada".to_owned()).unwrap();
    ctx.clear_messages();
    assert!(ctx.messages().is_empty() && ctx.thread("t").messages().is_empty());
    assert!(ctx.get(&NAME).unwrap().is_some());
}

#[test]
fn a_snapshot_is_restored_as_it_was() {
    let ctx = Context::new();
    ctx.add_user_message("a");
    ctx.thread("t").add(Message::assistant("b"));
    ctx.set(&LIST, &vec![1]).unwrap();
    let snapshot = ctx.snapshot();
    let json = serde_json::to_string(&snapshot).unwrap();
    let restored = Context::restore(serde_json::from_str(&json).unwrap());
    assert_eq!(restored.snapshot(), snapshot);
    assert_eq!(texts(&restored), ["a"]);
    restored.add_user_message("c");
    assert_eq!(texts(&ctx), ["a"], "it is another session");

    // Branches of it merge as those of the first one would.
    let (a, b) = (restored.fork("a"), restored.fork("b"));
    a.set(&LIST, &vec![1, 2]).unwrap();
    b.set(&LIST, &vec![1, 3]).unwrap();
    restored.merge([&a, &b]).unwrap();
    assert_eq!(restored.get(&LIST).unwrap(), Some(vec![1, 2, 3]));
}

#[test]
fn a_branch_that_forgot_its_messages_loses_none_of_its_new_ones() {
    let ctx = Context::new();
    ctx.add_user_message("a");
    ctx.add_user_message("b");
    let branch = ctx.fork("branch");
    branch.clear_messages();
    branch.add_user_message("c");
    branch.thread("t").add(Message::user("d"));
    ctx.merge([&branch]).unwrap();
    assert_eq!(texts(&ctx), ["a", "b", "c"]);
    assert_eq!(ctx.thread("t").messages().len(), 1);
}

#[test]
fn only_a_fork_can_be_merged() {
    let ctx = Context::new();
    let error = ctx.merge([&Context::new()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(ctx.merge([&ctx]).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn what_is_added_while_branches_merge_is_not_lost() {
    let ctx = Context::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..1000 {
                ctx.add_user_message("by hand");
            }
        });
        for _ in 0..1000 {
            let branch = ctx.fork("branch");
            branch.add_message(Message::assistant("merged"));
            ctx.merge([&branch]).unwrap();
        }
    });
    let count = |text: &str| texts(&ctx).iter().filter(|it| *it == text).count();
    assert_eq!((count("by hand"), count("merged")), (1000, 1000));
}

#[test]
fn an_appended_value_that_is_no_list_is_a_conflict_with_its_cause() {
    let key = Key::<u8>::new("n").merged_by(Merge::Append);
    let ctx = Context::new();
    let (a, b) = (ctx.fork("a"), ctx.fork("b"));
    a.set(&key, &1).unwrap();
    b.set(&key, &2).unwrap();
    let error = ctx.merge([&a, &b]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn the_error_of_a_step_survives_the_way_through_a_users_function() {
    let step = StepPath::run().child("s");
    let own = Error::new(ErrorKind::Refused, "no").with_step(&step);
    let passed_on = Error::from(mainstem_core::StepError::from(own));
    assert_eq!(passed_on.step(), Some(&step));
    assert_eq!(passed_on.kind(), ErrorKind::Refused);
}

/// What one branch does: messages by thread, and what it adds to the shared values.
#[derive(Clone, Debug)]
struct Branch {
    messages: Vec<(bool, u32)>,
    list: Option<Vec<u32>>,
    last: Option<u32>,
    branches: Vec<Branch>,
}

fn branch() -> impl Strategy<Value = Branch> {
    let leaf = (
        prop::collection::vec((any::<bool>(), any::<u32>()), 0..5),
        prop::option::of(prop::collection::vec(any::<u32>(), 0..4)),
        prop::option::of(any::<u32>()),
    )
        .prop_map(|(messages, list, last)| Branch {
            messages,
            list,
            last,
            branches: Vec::new(),
        });
    leaf.prop_recursive(2, 12, 3, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..4))
            .prop_map(|(outer, branches)| Branch { branches, ..outer })
    })
}

/// What a context must hold: the messages of two threads, the list, the last value.
#[derive(Clone, Debug, Default, PartialEq)]
struct Expected {
    threads: [Vec<String>; 2],
    list: Option<Vec<u32>>,
    last: Option<u32>,
}

impl Branch {
    fn play(&self, ctx: &Context) {
        for (other, text) in &self.messages {
            let thread = if *other { "other" } else { "" };
            ctx.thread(thread).add(Message::user(text.to_string()));
        }
        if let Some(list) = &self.list {
            let mut all = ctx.get(&LIST).unwrap().unwrap_or_default();
            all.extend(list);
            ctx.set(&LIST, &all).unwrap();
        }
        if let Some(last) = &self.last {
            ctx.set(&LAST, last).unwrap();
        }
        let forks: Vec<_> = self.branches.iter().map(|_| ctx.fork("inner")).collect();
        // Branches run at the same time: here, the later ones are faster.
        for (branch, fork) in self.branches.iter().zip(&forks).rev() {
            branch.play(fork);
        }
        ctx.merge(&forks).unwrap();
    }

    fn expect(&self, expected: &mut Expected) {
        for (other, text) in &self.messages {
            expected.threads[usize::from(*other)].push(text.to_string());
        }
        if let Some(list) = &self.list {
            expected.list.get_or_insert_default().extend(list);
        }
        expected.last = self.last.or(expected.last);
        for branch in &self.branches {
            branch.expect(expected);
        }
    }
}

proptest! {
    #[test]
    fn branches_merge_in_their_order_and_nothing_is_lost(root in branch()) {
        let ctx = Context::new();
        root.play(&ctx);
        let mut expected = Expected::default();
        root.expect(&mut expected);
        let texts = |name: &str| -> Vec<_> {
            ctx.thread(name).messages().iter().map(Message::text).collect()
        };
        let got = Expected {
            threads: [texts(""), texts("other")],
            list: ctx.get(&LIST).unwrap(),
            last: ctx.get(&LAST).unwrap(),
        };
        prop_assert_eq!(got, expected);
    }
}
