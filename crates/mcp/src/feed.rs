//! What a server says while it is called, on its way to the call.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError, Weak},
};

use mainstem_core::{EventKind, Notice, Progress};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use tokio::sync::Notify;

use crate::LogLevel;

/// How much of what a server says waits for a call that isn't polled. Then the oldest goes: of
/// progress the newest counts.
const ROOM: usize = 64;

/// The longest text of a message or a label that is shown, in bytes.
const LONGEST: usize = 2048;

/// In how many parts something is shown whose progress isn't in whole numbers.
const PARTS: f64 = 1000.0;

/// The calls of a connection that are under way.
pub(crate) struct Feeds {
    calls: Mutex<HashMap<ProgressToken, Weak<Feed>>>,
    /// From which level on messages of its log are shown; none, if nothing is set.
    pub(crate) logs: Option<LogLevel>,
}

/// What was said to one call, and not yet emitted.
#[derive(Default)]
pub(crate) struct Feed {
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Default)]
struct Queue {
    said: VecDeque<Said>,
    /// How much went because nobody took it.
    dropped: u64,
    /// How many messages of a log couldn't be told from those of other calls.
    unclear: u64,
}

enum Said {
    Progress(ProgressNotificationParam),
    Log(LogLevel, String),
}

/// Goes along with a request as far as the transport.
#[derive(Clone)]
pub(crate) struct FeedRef(pub(crate) Weak<Feed>);

impl Feeds {
    pub(crate) fn new(logs: Option<LogLevel>) -> Self {
        Self {
            calls: Mutex::default(),
            logs,
        }
    }

    /// A call goes out, with its token.
    pub(crate) fn open(&self, token: ProgressToken, feed: &FeedRef) {
        let mut calls = lock(&self.calls);
        // Its call may have been dropped before it went out.
        if feed.0.strong_count() > 0 {
            calls.insert(token, Weak::clone(&feed.0));
        }
    }

    /// Forgets the calls that are over.
    pub(crate) fn tidy(&self) {
        lock(&self.calls).retain(|_, feed| feed.strong_count() > 0);
    }

    pub(crate) fn progress(&self, progress: ProgressNotificationParam) {
        let feed = lock(&self.calls).get(&progress.progress_token).cloned();
        if let Some(feed) = feed.and_then(|feed| feed.upgrade()) {
            feed.push(Said::Progress(progress));
        }
    }

    pub(crate) fn log(&self, level: LogLevel, text: String) {
        if self.logs.is_none_or(|from| level < from) {
            return;
        }
        let calls: Vec<_> = lock(&self.calls)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        if let [feed] = &calls[..] {
            return feed.push(Said::Log(level, text));
        }
        for feed in calls {
            lock(&feed.queue).unclear += 1;
        }
    }
}

impl Feed {
    fn push(&self, said: Said) {
        let mut queue = lock(&self.queue);
        if queue.said.len() == ROOM {
            queue.said.pop_front();
            queue.dropped += 1;
        }
        queue.said.push_back(said);
        drop(queue);
        self.arrived.notify_one();
    }

    /// Waits until something may have been said.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// The next event of the call `tool`, if there is one.
    pub(crate) fn next(&self, server: &str, tool: &str) -> Option<EventKind> {
        let mut queue = lock(&self.queue);
        if queue.dropped > 0 {
            let count = std::mem::take(&mut queue.dropped);
            let message = format!(
                "{count} messages of MCP server `{server}` were left out: they came faster than they were \
                 read"
            );
            return Some(Notice::new("mcp_messages_left_out", message).into());
        }
        match queue.said.pop_front() {
            Some(Said::Progress(progress)) => Some(to_progress(&progress, tool).into()),
            Some(Said::Log(level, text)) => {
                let message = format!("MCP server `{server}`, {}: {}", level.as_str(), cut(&text));
                Some(Notice::new("mcp_log", message).into())
            }
            None if queue.unclear > 0 => {
                let count = std::mem::take(&mut queue.unclear);
                let message = format!(
                    "MCP server `{server}` logged {count} messages while several of its tools were called; \
                     which one they are of isn't known"
                );
                Some(Notice::new("mcp_log_unclear", message).into())
            }
            None => None,
        }
    }
}

/// Whole numbers as they are; others as parts of the total, of which there are a thousand.
fn to_progress(said: &ProgressNotificationParam, tool: &str) -> Progress {
    let label = said.message.as_deref().map_or(tool, cut);
    let is_whole = |number: f64| number.fract() == 0.0;
    match said.total {
        Some(total) if !(is_whole(total) && is_whole(said.progress)) && total > 0.0 => {
            let mut progress = Progress::new(label, whole(said.progress / total * PARTS));
            progress.total = Some(whole(PARTS));
            progress
        }
        total => {
            let mut progress = Progress::new(label, whole(said.progress));
            progress.total = total.map(whole);
            progress
        }
    }
}

/// Rounded down; what is below zero, or no number, is zero.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(LONGEST))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rmcp::model::NumberOrString;

    use super::*;

    fn token() -> ProgressToken {
        ProgressToken(NumberOrString::Number(1))
    }

    fn said(progress: f64, total: Option<f64>) -> ProgressNotificationParam {
        let mut said = ProgressNotificationParam::new(token(), progress);
        said.total = total;
        said
    }

    fn numbers(progress: f64, total: Option<f64>) -> (u64, Option<u64>) {
        let progress = to_progress(&said(progress, total), "dig");
        (progress.done, progress.total)
    }

    #[test]
    fn progress_is_in_whole_numbers() {
        assert_eq!(numbers(2.0, Some(5.0)), (2, Some(5)));
        assert_eq!(numbers(7.0, None), (7, None));
        assert_eq!(numbers(7.9, None), (7, None));
        assert_eq!(numbers(0.25, Some(1.0)), (250, Some(1000)));
        assert_eq!(numbers(1.0, Some(2.5)), (400, Some(1000)));
        assert_eq!(numbers(-3.0, None), (0, None));
        assert_eq!(numbers(f64::NAN, Some(f64::NAN)), (0, Some(0)));
    }

    #[test]
    fn long_messages_are_cut_at_the_end_of_a_character() {
        let mut said = said(1.0, None);
        said.message = Some("ä".repeat(LONGEST));
        assert_eq!(to_progress(&said, "dig").label, "ä".repeat(LONGEST / 2));
        said.message = Some("x".to_owned() + &"ä".repeat(LONGEST));
        assert_eq!(to_progress(&said, "dig").label.len(), LONGEST - 1);
    }

    #[test]
    fn a_slow_reader_gets_the_newest_and_is_told_of_the_rest() {
        let feeds = Feeds::new(None);
        let feed = Arc::new(Feed::default());
        feeds.open(token(), &FeedRef(Arc::downgrade(&feed)));
        for done in 0..ROOM + 10 {
            feeds.progress(said(done as f64, None));
        }
        let Some(EventKind::Notice(notice)) = feed.next("s", "dig") else {
            unreachable!("some were left out")
        };
        assert!(
            notice.message.starts_with("10 messages"),
            "{}",
            notice.message
        );
        let mut done = Vec::new();
        while let Some(EventKind::Progress(progress)) = feed.next("s", "dig") {
            done.push(progress.done);
        }
        assert_eq!(done, (10..ROOM as u64 + 10).collect::<Vec<_>>());
    }

    #[test]
    fn a_call_that_is_over_is_forgotten() {
        let feeds = Feeds::new(None);
        let feed = Arc::new(Feed::default());
        let weak = FeedRef(Arc::downgrade(&feed));
        feeds.open(token(), &weak);
        drop(feed);
        feeds.tidy();
        assert!(lock(&feeds.calls).is_empty());
        feeds.open(token(), &weak);
        assert!(lock(&feeds.calls).is_empty());
    }
}
