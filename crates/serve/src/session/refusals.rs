//! The errors of sessions, each with a code.

use mainstem_core::{Error, ErrorKind, Place, RunId};

/// The codes of the errors that sessions make: [`Error::code`](mainstem_core::Error::code).
pub mod code {
    /// The input isn't what the run takes.
    pub const INPUT: &str = "input";
    /// Nothing is served under that name.
    pub const NOT_SERVED: &str = "not_served";
    /// There are as many runs under way as are allowed in all.
    pub const TOO_MANY_RUNS: &str = "too_many_runs";
    /// There are as many runs of that owner under way as are allowed.
    pub const TOO_MANY_RUNS_OF_OWNER: &str = "too_many_runs_of_owner";
    /// The run has as many readers as are allowed.
    pub const TOO_MANY_READERS: &str = "too_many_readers";
    /// The run is under way: it can't be begun or answered.
    pub const UNDER_WAY: &str = "under_way";
    /// No new runs, and no more of those that another process is at: this one is about to end.
    pub const SHUTTING_DOWN: &str = "shutting_down";
    /// The run was left without an end, because its process ended; another one may take it up.
    pub const LEFT: &str = "left";
    /// The reader was further behind than is allowed, or held its run back for too long; it can read on
    /// after its last place.
    pub const READER_TOO_SLOW: &str = "reader_too_slow";
    /// The run has no event at that place.
    pub const NO_SUCH_PLACE: &str = "no_such_place";
    /// The log of the run was closed or deleted before it had an end.
    pub const NO_END: &str = "no_end";
}

pub(super) fn not_served(name: &str, served: &mut dyn Iterator<Item = &str>) -> Error {
    let served: Vec<_> = served.collect();
    // A name, and not whatever a client sends as one.
    let name: String = name.chars().take(64).collect();
    let message = format!(
        "nothing is served as `{name}`; served are: {}",
        served.join(", ")
    );
    Error::new(ErrorKind::NotFound, message).with_code(code::NOT_SERVED)
}

pub(super) fn too_many_runs(limit: usize) -> Error {
    let message =
        format!("{limit} runs are under way, which is the limit; try again when one has ended");
    Error::new(ErrorKind::Limit, message)
        .with_code(code::TOO_MANY_RUNS)
        .retryable(true)
}

pub(super) fn too_many_runs_of_owner(limit: usize) -> Error {
    let message = format!(
        "{limit} runs of this client are under way, which is the limit; end one, or try again when \
         one has ended"
    );
    Error::new(ErrorKind::Limit, message)
        .with_code(code::TOO_MANY_RUNS_OF_OWNER)
        .retryable(true)
}

pub(super) fn too_many_readers(run: &RunId, limit: usize) -> Error {
    let message = format!("run `{run}` has {limit} readers, which is the limit; try again later");
    Error::new(ErrorKind::Limit, message)
        .with_code(code::TOO_MANY_READERS)
        .retryable(true)
}

pub(super) fn under_way(run: &RunId) -> Error {
    let message = format!("run `{run}` is under way here; wait for its end, or give another id");
    Error::new(ErrorKind::Conflict, message).with_code(code::UNDER_WAY)
}

pub(super) fn shutting_down() -> Error {
    let message = "no new runs: this server is about to end; try again on another one";
    Error::new(ErrorKind::Busy, message).with_code(code::SHUTTING_DOWN)
}

pub(super) fn closing(run: &RunId) -> Error {
    let message = format!(
        "this server is about to end, and run `{run}` is another one's; read on there, or at the next \
         one, after the last place that you have"
    );
    Error::new(ErrorKind::Truncated, message).with_code(code::SHUTTING_DOWN)
}

pub(super) fn left(run: &RunId) -> Error {
    let message =
        format!("run `{run}` was left without an end: its process ended; it may be taken up again");
    Error::new(ErrorKind::Truncated, message).with_code(code::LEFT)
}

pub(super) fn too_slow(run: &RunId, limit: u64) -> Error {
    let message = format!(
        "this reader of run `{run}` was more than {limit} events behind; read on after the last \
         place that you have"
    );
    Error::new(ErrorKind::Limit, message)
        .with_code(code::READER_TOO_SLOW)
        .retryable(true)
}

pub(super) fn held_too_long(run: &RunId) -> Error {
    let message = format!(
        "run `{run}` has waited too long for this reader, and goes on without it; read on after the \
         last place that you have"
    );
    Error::new(ErrorKind::Limit, message)
        .with_code(code::READER_TOO_SLOW)
        .retryable(true)
}

pub(super) fn no_such_place(run: &RunId, place: Place) -> Error {
    let message =
        format!("run `{run}` has no event at {place}; read it from its start, or as a snapshot");
    Error::new(ErrorKind::NotFound, message).with_code(code::NO_SUCH_PLACE)
}

pub(super) fn no_end(run: &RunId) -> Error {
    let message = format!("the log of run `{run}` was closed or deleted before it had an end");
    Error::new(ErrorKind::Truncated, message).with_code(code::NO_END)
}
