//! Why a request isn't served, as its client reads it.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use mainstem_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::{NotAcceptable, session::code};

/// An error in place of an answer: `{"error": {"code": .., "message": ..}}`.
///
/// The code is for programs and never changes; the message names the thing, the place and the mend,
/// and quotes nothing of what was sent. Where a run that failed is asked for, its error is the `cause`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    cause: Option<Box<Value>>,
    retry_after: Option<Duration>,
    /// A header that says what is wanted instead.
    wants: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            cause: None,
            retry_after: None,
            wants: None,
        }
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the error of the run that it is about.
    pub(crate) fn because_of(mut self, cause: Value) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Says in a header what is wanted instead.
    pub(crate) fn wants(mut self, header: HeaderName, value: &'static str) -> Self {
        self.wants = Some((header, value));
        self
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// No such run, or none that the caller may see: the two look alike, so that ids can't be probed.
    pub(crate) fn no_such_run() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "run_not_found",
            "there is no run of this id that you may see; ids are in the answer to `POST /runs`",
        )
    }
}

impl From<NotAcceptable> for Refusal {
    fn from(error: NotAcceptable) -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "no_such_wire",
            error.to_string(),
        )
    }
}

/// A 406, as a server's own.
impl IntoResponse for NotAcceptable {
    fn into_response(self) -> Response {
        Refusal::from(self).into_response()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (status, code) = of_sessions(&error).unwrap_or_else(|| of_kind(error.kind()));
        if status.is_server_error() {
            tracing::warn!(
                target: "mainstem::serve",
                kind = error.kind().as_str(),
                "{}",
                error.message()
            );
        }
        let mut refusal = Self::new(status, code, error.message());
        let is_about_now = matches!(status.as_u16(), 429 | 503);
        let soon = is_about_now.then_some(Duration::from_secs(1));
        refusal.retry_after = error.retry_after().or(soon);
        refusal
    }
}

/// The errors that sessions make, by their codes.
fn of_sessions(error: &Error) -> Option<(StatusCode, &'static str)> {
    Some(match error.code()? {
        code::INPUT => (StatusCode::UNPROCESSABLE_ENTITY, code::INPUT),
        code::NOT_SERVED => (StatusCode::NOT_FOUND, code::NOT_SERVED),
        code::TOO_MANY_RUNS => (StatusCode::SERVICE_UNAVAILABLE, code::TOO_MANY_RUNS),
        code::TOO_MANY_RUNS_OF_OWNER => {
            (StatusCode::TOO_MANY_REQUESTS, code::TOO_MANY_RUNS_OF_OWNER)
        }
        code::TOO_MANY_READERS => (StatusCode::TOO_MANY_REQUESTS, code::TOO_MANY_READERS),
        code::UNDER_WAY => (StatusCode::CONFLICT, code::UNDER_WAY),
        code::SHUTTING_DOWN => (StatusCode::SERVICE_UNAVAILABLE, code::SHUTTING_DOWN),
        code::LEFT => (StatusCode::CONFLICT, code::LEFT),
        code::NO_SUCH_PLACE => (StatusCode::NOT_FOUND, code::NO_SUCH_PLACE),
        code::NO_END => (StatusCode::CONFLICT, code::NO_END),
        _ => return None,
    })
}

fn of_kind(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        ErrorKind::Conflict => (StatusCode::CONFLICT, "conflict"),
        ErrorKind::Busy => (StatusCode::CONFLICT, "busy"),
        ErrorKind::Input => (StatusCode::UNPROCESSABLE_ENTITY, "input"),
        ErrorKind::Value => (StatusCode::UNPROCESSABLE_ENTITY, "value"),
        ErrorKind::Limit => (StatusCode::SERVICE_UNAVAILABLE, "limit"),
        ErrorKind::Store => (StatusCode::SERVICE_UNAVAILABLE, "store"),
        ErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"error": {"code": self.code, "message": self.message}});
        if let Some(cause) = self.cause {
            body["error"]["cause"] = *cause;
        }
        let mut response = (
            self.status,
            [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "no-store"),
            ],
            body.to_string(),
        )
            .into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never "at once".
            headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
        }
        if let Some((name, value)) = self.wants {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response.extensions_mut().insert(Refused(self.code));
        response
    }
}

/// The code of a refusal, for the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused(pub(crate) &'static str);
