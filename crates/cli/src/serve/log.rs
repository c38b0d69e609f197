//! What the server says of itself on standard error.

use std::io;

use tracing_subscriber::{
    Layer as _, filter::LevelFilter, filter::Targets, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// What of the libraries below is shown, however much is asked for.
const OF_OTHERS: LevelFilter = LevelFilter::WARN;

/// Shows it from here on.
pub(super) fn begin(most: LevelFilter) {
    let targets = Targets::new()
        .with_default(most.min(OF_OTHERS))
        .with_target("mainstem", most);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .init();
}
