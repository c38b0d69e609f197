//! What every adapter of a model must do with a stream, wherever it is cut.
//!
//! An adapter reads a provider's stream and is a Mainstem `Model`.
//! [`cut_everywhere!`](crate::cut_everywhere!) makes a test of each [`Fixture`] of a wire; say how
//! the adapter is made for a base URL:
//!
//! ```
//! # use mainstem_core::{Model, ModelEvent, ModelRequest, ModelStream};
//! # struct MyAdapter;
//! # impl MyAdapter {
//! #     fn new(_: &str) -> Self {
//! #         Self
//! #     }
//! # }
//! # impl Model for MyAdapter {
//! #     fn id(&self) -> &str {
//! #         "mine"
//! #     }
//! #     fn stream(&self, _: ModelRequest) -> ModelStream {
//! #         ModelStream::from_events([])
//! #     }
//! # }
//! mod cut {
//!     use super::*;
//!
//!     mainstem_testkit::cut_everywhere!(chat, |base_url: &str| MyAdapter::new(base_url));
//! }
//! # fn main() {}
//! ```
//!
//! The crate that runs the suite needs `tokio` with the features `macros` and `rt`. For a fixture of
//! your own, call [`cut_everywhere`] in a test.
//!
//! # What it plays
//!
//! Each fixture is sent over a real socket: whole; cut at every byte, with the connection closed
//! inside of the body; ended properly at every byte; split at every byte into two HTTP chunks; byte
//! by byte; with CR LF or a lone CR as line ends, cut within them; with a byte order mark, without a
//! space after the colon, with comments between all lines; with a length or a close instead of chunks;
//! with what comes from the end's signal on sent twice, and the whole body twice; and stalled after
//! every event, while comments go on.
//!
//! # What it demands
//!
//! - Each whole delivery is read as the fixture says, and as every other whole delivery.
//! - An answer is finished only if its signal of the end had come whole, blank line included or
//!   not; and once it had come with the blank line, it is. The signal is a finish reason in chat
//!   completions; `response.completed` or its like in Responses.
//! - Before that, a cut and a proper end are `ErrorKind::Truncated`.
//! - What was delivered is a beginning of the whole answer: nothing is missing in between, doubled
//!   or out of order, tool calls included. Nothing follows an end.
//! - What has come whole is delivered without waiting for more, and a stalled stream waits: comments
//!   are no data, so that the `TimeLimits` of the core can see the stall.
//! - One stream is one request.
//!
//! What comes twice *before* the signal of the end isn't demanded to be noticed: pieces of chat
//! completions have no numbers, and a piece that repeats the one before is a piece all the same.
//! A second answer in one body must not be read where the first one's end was unmistakable: after
//! `[DONE]`, or after a terminal event of Responses.

mod cases;
mod judge;
mod lane;
mod seen;
mod suites;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::Case;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use judge::Judge;
use lane::Lane;
use mainstem_core::Model;
use seen::Seen;

use crate::Fixture;

/// How many cases are under way at a time.
const LANES: usize = 8;

/// Plays a fixture to an adapter in every way; see the [module](self) for what is demanded.
///
/// `make` makes the adapter for a base URL, such as `http://127.0.0.1:4321/v1`; it is called a few
/// times. On success it says how many cases there were.
///
/// # Errors
///
/// The first demand that isn't met, in the order in which the bytes are sent.
///
/// # Example
///
/// ```no_run
/// use mainstem_testkit::{Fixture, Wire, models};
/// # fn my_adapter(_: &str) -> std::sync::Arc<dyn mainstem_core::Model> {
/// #     unimplemented!()
/// # }
///
/// # async fn example() {
/// let body = std::fs::read("tests/odd-server.sse").unwrap();
/// let fixture = Fixture::new("odd-server", Wire::Chat, body);
/// if let Err(fault) = models::cut_everywhere(&fixture, my_adapter).await {
///     panic!("{fault}");
/// }
/// # }
/// ```
pub async fn cut_everywhere<M: Model>(
    fixture: &Fixture,
    make: impl Fn(&str) -> M,
) -> Result<usize, Fault> {
    let fail = |case: &Case, what: String| Fault::new(fixture, case, &what);
    let opening = (0..LANES).map(|_| Lane::open(&make));
    let lanes = stream::iter(opening).buffer_unordered(LANES).try_collect();
    let lanes: Vec<Lane<M>> = lanes.await.map_err(|what| fail(&Case::Whole, what))?;

    let seen = lanes[0].play(fixture, &Case::Whole).await;
    let judge = seen.and_then(|seen| Judge::new(fixture, seen));
    let mut judge = judge.map_err(|what| fail(&Case::Whole, what))?;
    let mut count = 1;
    for cases in [cases::stops, cases::whole] {
        for (case, seen) in play(&lanes, fixture, cases(fixture)).await {
            count += 1;
            let checked = seen.and_then(|seen| judge.check(&case, seen));
            checked.map_err(|what| fail(&case, what))?;
        }
    }
    // Which frames bring data is known by now.
    let doubled = cases::doubled(fixture, |frame| judge.brings_data(frame));
    for (case, seen) in play(&lanes, fixture, doubled).await {
        count += 1;
        let checked = seen.and_then(|seen| judge.check(&case, seen));
        checked.map_err(|what| fail(&case, what))?;
    }
    let stalls = cases::stalls(fixture);
    count += stalls.len();
    let judge = &judge;
    let stall = async |lane: &Lane<M>, case: &Case| lane.stall(fixture, case, judge).await;
    for (case, stalled) in spread(&lanes, stalls, stall).await {
        stalled.map_err(|what| fail(&case, what))?;
    }
    Ok(count)
}

async fn play<M: Model>(
    lanes: &[Lane<M>],
    fixture: &Fixture,
    cases: Vec<Case>,
) -> Vec<(Case, Result<Seen, String>)> {
    let play = async |lane: &Lane<M>, case: &Case| lane.play(fixture, case).await;
    spread(lanes, cases, play).await
}

/// Has the cases done, one after the other in each lane; what came of each is in their order.
async fn spread<M, T>(
    lanes: &[Lane<M>],
    cases: Vec<Case>,
    work: impl AsyncFn(&Lane<M>, &Case) -> T,
) -> Vec<(Case, T)> {
    let next = AtomicUsize::new(0);
    let (next, cases, work) = (&next, &cases, &work);
    let lane = async |lane: &Lane<M>| {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(place) else {
                return done;
            };
            done.push((place, case.clone(), work(lane, case).await));
        }
    };
    let done = join_all(lanes.iter().map(lane)).await;
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(place, ..)| *place);
    done.into_iter().map(|(_, case, one)| (case, one)).collect()
}

/// A demand that an adapter doesn't meet.
///
/// It says which fixture was played how, what came of it, and shows the place in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    fn new(fixture: &Fixture, case: &Case, what: &str) -> Self {
        let mut text = format!("{}, {case}: {what}", fixture.name());
        if let Some(at) = case.place() {
            text.push_str("\n  the place: ");
            text.push_str(&excerpt(fixture.body(), at));
        }
        Self(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// Shows a few bytes on both sides of a place.
fn excerpt(body: &[u8], at: usize) -> String {
    const AROUND: usize = 40;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\n', "⏎");
    let before = text(&body[at.saturating_sub(AROUND)..at]);
    let after = text(&body[at..body.len().min(at + AROUND)]);
    format!("…{before}▮{after}…")
}

/// Plays the fixture of a test's name, and panics with the fault.
#[doc(hidden)]
#[allow(clippy::panic, reason = "it is a test: a panic is how it fails")]
pub async fn prove<M: Model>(test: &str, make: impl Fn(&str) -> M) {
    let name = test.replace('_', "-");
    let Some(fixture) = Fixture::named(&name) else {
        panic!("no fixture is called `{name}`");
    };
    if let Err(fault) = cut_everywhere(&fixture, make).await {
        panic!("{fault}");
    }
}
