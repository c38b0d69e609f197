use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, StepPath, Text, UpstreamError};

/// An [`Error`] as it is written into a log and sent to readers.
///
/// It carries this level's message and the upstream's own words, where there are any; never the
/// causes that a user's function gave, which may hold anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorInfo {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// This level's message.
    pub message: Text,
    /// The step in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPath>,
    /// Whether the same call may succeed another time.
    #[serde(default)]
    pub retryable: bool,
    /// How long the upstream asked to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The upstream's HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The upstream's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Text>,
    /// The upstream's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Text>,
}

impl From<&Error> for ErrorInfo {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().into(),
            step: error.step().cloned(),
            retryable: error.is_retryable(),
            retry_after_ms: error
                .retry_after()
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            status: error.status(),
            code: error.code().map(Text::from),
            upstream: error.upstream().map(|upstream| upstream.message().into()),
        }
    }
}

impl From<ErrorInfo> for Error {
    fn from(info: ErrorInfo) -> Self {
        let mut error = Self::new(info.kind, info.message).retryable(info.retryable);
        if let Some(step) = &info.step {
            error = error.with_step(step);
        }
        if let Some(millis) = info.retry_after_ms {
            error = error.with_retry_after(Duration::from_millis(millis));
        }
        if let Some(status) = info.status {
            error = error.with_status(status);
        }
        if let Some(code) = info.code {
            error = error.with_code(code);
        }
        if let Some(upstream) = info.upstream {
            error = error.with_source(UpstreamError::new(upstream));
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_over_the_wire_keeps_all() {
        let error = Error::new(ErrorKind::Model, "the model answered 429")
            .with_status(429)
            .with_code("rate_limit_exceeded")
            .with_retry_after(Duration::from_millis(1500))
            .with_step(&StepPath::run().child("write"))
            .with_source(UpstreamError::new("slow down"))
            .retryable(true);
        let info = ErrorInfo::from(&error);
        assert_eq!(ErrorInfo::from(&Error::from(info.clone())), info);
        let json = serde_json::to_string(&info).unwrap();
        assert_eq!(serde_json::from_str::<ErrorInfo>(&json).unwrap(), info);
    }
}
