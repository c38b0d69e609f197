//! What a finish reason means for an answer.

use mainstem_core::{Error, ErrorKind, FinishReason, Result};

/// An answer that a filter cut, or that the server gave up, is none, however much of it came.
pub(crate) fn check(model: &str, reason: &FinishReason) -> Result<()> {
    let error = if reason.is_filtered() {
        let message = format!("the provider's filter cut the output of `{model}`");
        Error::new(ErrorKind::Refused, message)
    } else if reason.is_failure() {
        let message = format!("`{model}` gave up its answer");
        Error::new(ErrorKind::Model, message).retryable(true)
    } else {
        return Ok(());
    };
    Err(error.with_code(reason.as_str()))
}

/// An answer that has to be whole isn't, if it was cut at its limit of tokens.
pub(crate) fn check_length(model: &str, reason: &FinishReason) -> Result<()> {
    match reason {
        FinishReason::Length => Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the output of `{model}` was cut at its limit of tokens; raise `max_output_tokens`"
            ),
        )
        .with_code(reason.as_str())),
        _ => Ok(()),
    }
}
