//! Limits of time and size.

use std::time::Duration;

use futures::FutureExt;
use mainstem::{ErrorKind, TimeLimits};
use mainstem_testkit::Reply;

use super::{
    End::{CutOff, Failed},
    Scenario, ask, half, row,
};
use mainstem_tests::watch::watch;

pub(super) fn rows() -> Vec<Scenario> {
    let never = |name, reply, play, partial, remembered| Scenario {
        name,
        replies: vec![reply],
        history: |_| {},
        play,
        end: Failed(ErrorKind::Timeout, partial),
        remembered,
    };
    let mut bytes = row(
        "more output than allowed",
        Reply::text(["Ha", "lf", "of it"]),
        CutOff(ErrorKind::Limit, "Half"),
        &["user: Hi", "assistant, partial: Half"],
    );
    bytes.play = |agent, ctx, how| {
        let agent = agent.build().unwrap();
        async move { watch(agent.run("Hi").context(&ctx).max_output_bytes(5), how).await }.boxed()
    };
    vec![
        bytes,
        never(
            "no head",
            Reply::silent(),
            |agent, ctx, how| ask(agent.time_limits(first()), ctx, how),
            "",
            &["user: Hi"],
        ),
        never(
            "no first piece",
            Reply::stream().role().comment("hi").stall(),
            |agent, ctx, how| ask(agent.time_limits(first()), ctx, how),
            "",
            &["user: Hi"],
        ),
        never(
            "no next piece",
            half().stall(),
            |agent, ctx, how| ask(agent.time_limits(next()), ctx, how),
            "Half",
            &["user: Hi", "assistant, partial: Half"],
        ),
        never(
            "too long in all",
            half().stall(),
            |agent, ctx, how| ask(agent.time_limits(total()), ctx, how),
            "Half",
            &["user: Hi", "assistant, partial: Half"],
        ),
    ]
}

const SOON: Duration = Duration::from_millis(600);

fn first() -> TimeLimits {
    TimeLimits::NONE.first_event(SOON)
}

fn next() -> TimeLimits {
    TimeLimits::NONE.between_events(SOON)
}

fn total() -> TimeLimits {
    TimeLimits::NONE.total(SOON)
}
