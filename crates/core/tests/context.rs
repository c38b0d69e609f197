//! What a session remembers, how it branches, and what it keeps to itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use mainstem_core::{
    Context, Error, ErrorKind, Key, Merge, Message, ModelSettings, Partial, StepPath, Usage,
};

const NAME: Key<String> = Key::new("name");
const LIST: Key<Vec<u32>> = Key::new("list").merged_by(Merge::Append);

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
fn the_error_of_a_step_survives_the_way_through_a_users_function() {
    let step = StepPath::run().child("s");
    let own = Error::new(ErrorKind::Refused, "no").with_step(&step);
    let passed_on = Error::from(mainstem_core::StepError::from(own));
    assert_eq!(passed_on.step(), Some(&step));
    assert_eq!(passed_on.kind(), ErrorKind::Refused);
}
