//! What a server says when it fails.

use std::time::Duration;

use mainstem_core::{Error, ErrorKind, UpstreamError};
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

/// A server's own description of a failure.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fault {
    pub(crate) message: Option<String>,
    pub(crate) code: Option<String>,
}

impl Fault {
    /// Reads it from a body, whatever shape it has; plain text is the message itself.
    pub(crate) fn from_body(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(json) => Self::from_json(&json),
            Err(_) => Self {
                message: Some(body.trim().to_owned()).filter(|text| !text.is_empty()),
                code: None,
            },
        }
    }

    /// Reads it from JSON: `{"error": {..}}`, `{"error": ".."}`, `{"message": ..}`,
    /// `{"detail": ..}`, or a list of one of these.
    pub(crate) fn from_json(json: &Value) -> Self {
        let json = match json {
            Value::Array(list) => list.first().unwrap_or(&Value::Null),
            other => other,
        };
        let inner = json
            .get("error")
            .filter(|error| !error.is_null())
            .unwrap_or(json);
        let message = match inner {
            Value::String(message) => Some(message.clone()),
            _ => ["message", "detail", "error_description"]
                .iter()
                .find_map(|field| inner.get(field))
                .map(|message| {
                    message
                        .as_str()
                        .map_or_else(|| message.to_string(), str::to_owned)
                }),
        };
        let code = ["code", "type", "status"]
            .iter()
            .filter_map(|field| inner.get(field))
            .find_map(|code| match code {
                // The type of a frame, and no code.
                Value::String(word) if word == "error" => None,
                Value::String(word) => Some(word.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
        Self { message, code }
    }

    /// Takes a secret out of the words.
    pub(crate) fn without(mut self, secret: Option<&str>) -> Self {
        let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
            return self;
        };
        for words in [&mut self.message, &mut self.code].into_iter().flatten() {
            *words = words.replace(secret, "[key]");
        }
        self
    }

    /// The error of a failed request.
    pub(crate) fn into_http_error(
        self,
        message: String,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Error {
        let mut error = self
            .into_error(message)
            .with_status(status.as_u16())
            .retryable(is_retryable(status));
        if let Some(wait) = retry_after(headers) {
            error = error.with_retry_after(wait);
        }
        error
    }

    /// The error of a stream that broke off with a message of the server's.
    pub(crate) fn into_stream_error(self, model: &str) -> Error {
        let retryable = match &self.code {
            Some(code) => match code
                .parse()
                .ok()
                .and_then(|code| StatusCode::from_u16(code).ok())
            {
                Some(status) => is_retryable(status),
                None => {
                    !code.contains("invalid")
                        && !code.contains("filter")
                        && !code.contains("policy")
                }
            },
            None => true,
        };
        self.into_error(format!("`{model}` failed in the middle of its answer"))
            .retryable(retryable)
    }

    fn into_error(self, message: String) -> Error {
        let mut error = Error::new(ErrorKind::Model, message);
        if let Some(code) = self.code {
            error = error.with_code(code);
        }
        if let Some(message) = self.message {
            error = error.with_source(UpstreamError::new(message));
        }
        error
    }
}

/// Statuses after which the same request may succeed.
fn is_retryable(status: StatusCode) -> bool {
    status.is_server_error()
        || [
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::CONFLICT,
            StatusCode::TOO_MANY_REQUESTS,
        ]
        .contains(&status)
}

/// The wait that a server asks for: `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let text = text("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(
        date.duration_since(std::time::SystemTime::now())
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(message: &str, code: Option<&str>) -> Fault {
        Fault {
            message: Some(message.to_owned()),
            code: code.map(str::to_owned),
        }
    }

    #[test]
    fn every_shape_gives_the_message() {
        for (body, expected) in [
            (
                r#"{"error":{"message":"no","type":"t","code":"c"}}"#,
                fault("no", Some("c")),
            ),
            (
                r#"{"error":{"message":"no","type":"t","code":null}}"#,
                fault("no", Some("t")),
            ),
            (
                r#"{"error":{"message":"no","code":503}}"#,
                fault("no", Some("503")),
            ),
            (r#"{"error":"no"}"#, fault("no", None)),
            (r#"{"message":"no"}"#, fault("no", None)),
            (
                r#"{"type":"error","code":null,"message":"no"}"#,
                fault("no", None),
            ),
            (r#"{"detail":"no"}"#, fault("no", None)),
            (
                r#"[{"error":{"message":"no","status":"INVALID"}}]"#,
                fault("no", Some("INVALID")),
            ),
            ("  no\n", fault("no", None)),
            ("", Fault::default()),
        ] {
            assert_eq!(Fault::from_body(body), expected, "{body}");
        }
    }

    #[test]
    fn the_wait_is_read_in_each_form() {
        let wait = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(
            wait("retry-after-ms", "1500"),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            wait("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(wait("retry-after", "soon"), None);
        assert_eq!(wait("retry-after", "-1"), None);
    }
}
