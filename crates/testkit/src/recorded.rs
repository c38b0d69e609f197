use std::time::Instant;

use serde_json::Value;

/// A request that the server has read.
///
/// Requests that were refused are recorded as well.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recorded {
    /// The place of the request among all requests, from 0.
    pub index: usize,
    /// The connection on which it came, from 0.
    pub connection: usize,
    /// When its last byte was read.
    pub at: Instant,
    /// The method, for instance `POST`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// What follows the `?`, if there is one.
    pub query: Option<String>,
    /// The headers in the order in which they came, names as they were written.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; `null` if it isn't any.
    pub body: Value,
    /// The body as it came, without the framing of HTTP.
    pub raw: Vec<u8>,
}

impl Recorded {
    /// Returns the first header of this name, in whatever case it is written.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(same)
            .map(|(_, value)| value.as_str())
    }

    /// Returns whether the request asks for a stream.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.body["stream"] == Value::Bool(true)
    }

    /// Returns the messages, or the items of a request to the Responses API; nothing if
    /// there are none.
    #[must_use]
    pub fn messages(&self) -> &[Value] {
        let list = if self.is_for_responses() {
            &self.body["input"]
        } else {
            &self.body["messages"]
        };
        list.as_array().map_or(&[], Vec::as_slice)
    }

    /// Returns the text of the last message of the user, if it is a plain string.
    ///
    /// For replies that depend on the request, see
    /// [`respond_with`](crate::ScriptedServer::respond_with).
    #[must_use]
    pub fn user_text(&self) -> Option<&str> {
        let of_user = |message: &&Value| message["role"] == "user";
        self.messages().iter().rev().find(of_user)?["content"].as_str()
    }

    pub(crate) fn is_for_responses(&self) -> bool {
        self.path.ends_with("/responses")
    }

    pub(crate) fn wants_encrypted_reasoning(&self) -> bool {
        let included = self.body["include"].as_array().into_iter().flatten();
        included
            .into_iter()
            .any(|name| name == "reasoning.encrypted_content")
    }

    pub(crate) fn wants_usage(&self) -> bool {
        self.body["stream_options"]["include_usage"] == Value::Bool(true)
    }
}
