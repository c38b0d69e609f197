use std::fmt;

use serde_json::Value;

use crate::json::error_text;
use crate::server::Options;
use crate::{Recorded, Reply, responses, shape, strict};

/// Why a request is answered with status 400, in OpenAI's words where these are known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) param: String,
}

impl Refusal {
    pub(crate) fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            param: param.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.param)
    }
}

pub(crate) fn error_body(message: &str, param: Option<&str>) -> String {
    error_text(message, "invalid_request_error", param, None)
}

/// Returns the reply to a request that no scripted reply should answer.
pub(crate) fn check(request: &Recorded, options: &Options) -> Option<Reply> {
    if options.any_request {
        return None;
    }
    let is_chat = request.path.ends_with("/chat/completions");
    if !is_chat && !request.is_for_responses() {
        let message = format!("Invalid URL ({} {})", request.method, request.path);
        return Some(Reply::error_status(404, &message));
    }
    if request.method != "POST" {
        let message = format!("Not allowed to {} on {}", request.method, request.path);
        return Some(Reply::error_status(405, &message).header("allow", "POST"));
    }
    let refusal = if is_chat {
        check_body(&request.body, options).err()?
    } else {
        check_response(&request.body, options).err()?
    };
    let body = error_body(&refusal.message, Some(&refusal.param));
    Some(Reply::status(400).body(body))
}

/// Checks a request to the Responses API.
fn check_response(body: &Value, options: &Options) -> Result<(), Refusal> {
    if options.validate_requests {
        responses::check(body)?;
    }
    if options.strict_schemas {
        responses::check_schemas(body)?;
    }
    Ok(())
}

fn check_body(body: &Value, options: &Options) -> Result<(), Refusal> {
    if options.validate_requests {
        shape::check(body)?;
    }
    if options.strict_schemas {
        strict::check_request(body)?;
    }
    Ok(())
}
