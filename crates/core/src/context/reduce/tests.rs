use crate::{Context, ErrorKind, Key};

const BEST: Key<u32> = Key::new("best").reduced_by(|_, so_far, branch| so_far.max(branch));

#[test]
fn a_context_that_demands_it_takes_declared_keys_alone() {
    let ctx = Context::new();
    // What a process happened to use before says nothing about the next one.
    ctx.set(&BEST, &1).unwrap();
    let run = ctx.fork("run");
    run.demand_declarations();
    let branch = run.fork("branch");
    for it in [&run, &branch] {
        let error = it.set(&BEST, &2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.to_string(),
            "`best` is reduced by a function, and its key isn't declared: a run that is resumed \
             wouldn't know the function; declare the key by `Flow::key`, or by `Context::declare` \
             on the run's context"
        );
        assert_eq!(it.get(&BEST).unwrap(), Some(1));
        it.set(&Key::new("other"), &2).unwrap();
    }
    run.declare(&BEST);
    run.set(&BEST, &2).unwrap();
    run.fork("branch").set(&BEST, &3).unwrap();
    ctx.set(&BEST, &4).unwrap();
}

#[test]
fn a_logged_value_is_reduced_by_the_declared_function() {
    let first = Context::new();
    let mark = first.mark();
    first.set(&BEST, &7).unwrap();
    let delta = first.changes_since(&mark).unwrap();

    let resumed = |declares: bool| {
        let ctx = Context::new();
        if declares {
            ctx.declare(&BEST);
        }
        let forks = ["a", "b"].map(|name| ctx.fork(name));
        for fork in &forks {
            fork.apply(&delta).unwrap();
        }
        (ctx.merge(&forks), ctx)
    };
    let (merged, ctx) = resumed(true);
    merged.unwrap();
    assert_eq!(ctx.get(&BEST).unwrap(), Some(7));
    let error = resumed(false).0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "branch `a` and branch `b` both wrote `best`, whose rule is `Reduce`, and its function \
         isn't known here; declare its key by `Context::declare`"
    );

    // A step that is over isn't called: who declares its keys may be inside of it.
    let demanding = Context::new();
    demanding.demand_declarations();
    demanding.apply(&delta).unwrap();
    assert_eq!(demanding.get(&BEST).unwrap(), Some(7));
}
