//! A server's log.
#![expect(
    deprecated,
    reason = "servers of all versions that are in use still log"
)]

use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
use serde_json::Value;

/// How important a message in a server's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// Details, for those who look for a mistake.
    Debug,
    /// What is going on.
    Info,
    /// What is normal, and notable.
    Notice,
    /// Something may be wrong.
    Warning,
    /// Something failed.
    Error,
    /// A part of the server doesn't work.
    Critical,
    /// Somebody has to do something at once.
    Alert,
    /// The server can't be used.
    Emergency,
}

/// Each level, with its name and what rmcp calls it.
const LEVELS: [(LogLevel, &str, LoggingLevel); 8] = [
    (LogLevel::Debug, "debug", LoggingLevel::Debug),
    (LogLevel::Info, "info", LoggingLevel::Info),
    (LogLevel::Notice, "notice", LoggingLevel::Notice),
    (LogLevel::Warning, "warning", LoggingLevel::Warning),
    (LogLevel::Error, "error", LoggingLevel::Error),
    (LogLevel::Critical, "critical", LoggingLevel::Critical),
    (LogLevel::Alert, "alert", LoggingLevel::Alert),
    (LogLevel::Emergency, "emergency", LoggingLevel::Emergency),
];

impl LogLevel {
    pub(crate) fn as_str(self) -> &'static str {
        LEVELS[self as usize].1
    }

    pub(crate) fn on_the_wire(self) -> LoggingLevel {
        LEVELS[self as usize].2
    }
}

/// A message of a server, and how important it is.
pub(crate) fn read(said: LoggingMessageNotificationParam) -> (LogLevel, String) {
    let level = LEVELS.iter().find(|(_, _, level)| *level == said.level);
    let text = match said.data {
        Value::String(text) => text,
        data => data.to_string(),
    };
    let text = match said.logger {
        Some(logger) => format!("{logger}: {text}"),
        None => text,
    };
    (level.map_or(LogLevel::Info, |it| it.0), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_in_the_order_of_the_table() {
        for (at, (level, name, wire)) in LEVELS.into_iter().enumerate() {
            assert_eq!(level as usize, at);
            assert_eq!(serde_json::to_value(wire).unwrap(), name);
        }
        assert!(LogLevel::Warning < LogLevel::Error);
    }

    #[test]
    fn data_of_any_kind_is_text() {
        let said = |data| LoggingMessageNotificationParam::new(LoggingLevel::Error, data);
        let read_text = |data| read(said(data)).1;
        assert_eq!(read_text("full".into()), "full");
        assert_eq!(read_text(serde_json::json!({"disk": 7})), r#"{"disk":7}"#);
        let mut named = said("full".into());
        named.logger = Some("disk".to_owned());
        assert_eq!(read(named), (LogLevel::Error, "disk: full".to_owned()));
    }
}
