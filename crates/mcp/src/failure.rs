//! What goes wrong between us and a server, in words without what was sent.

use std::{error::Error as StdError, time::Duration};

use mainstem_core::{Error, ErrorKind, Text, UpstreamError};
use rmcp::{
    model::{ErrorCode, ErrorData},
    service::{ClientInitializeError, ServiceError},
    transport::{
        DynamicTransportError,
        streamable_http_client::{HttpStatusError, StreamableHttpError},
    },
};

type HttpError = StreamableHttpError<reqwest::Error>;

pub(crate) fn config(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// A server that can't be used from the beginning.
pub(crate) fn not_connected(server: &str, error: ClientInitializeError) -> Error {
    let because = |what: &str| format!("MCP server `{server}` {what}");
    let ended = "ended before it had answered; what it says of that is on its standard error";
    let error = match error {
        // A program that has ended reads nothing; which of the two is noticed first is luck.
        ClientInitializeError::TransportError { error, .. }
            if error.error.is::<std::io::Error>() =>
        {
            tool(because(ended))
        }
        ClientInitializeError::TransportError { error, .. } => {
            of_transport(because("can't be reached"), error)
        }
        ClientInitializeError::JsonRpcError(error) => {
            let is_newer = matches!(
                error.code,
                ErrorCode::METHOD_NOT_FOUND | ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
            );
            let refused = refused(&because("refused the connection"), &error);
            match is_newer {
                true => refused.with_note(
                    "it may speak other versions of MCP: try it with `discover()`, or without",
                ),
                false => refused,
            }
        }
        ClientInitializeError::ConnectionClosed(_) => tool(because(ended)),
        ClientInitializeError::NoCompatibleProtocolVersion { .. } => {
            tool(because("speaks no version of MCP that is known here"))
        }
        _ => tool(because("answered with something that isn't MCP")),
    };
    match error.code() {
        Some(_) => error,
        None => error.with_code("mcp_not_connected"),
    }
}

/// What was asked for wasn't given; `what` says it: "its tools", "the call of tool `x`".
pub(crate) fn failed(server: &str, what: &str, error: ServiceError) -> Error {
    match error {
        ServiceError::McpError(error) => {
            refused(&format!("MCP server `{server}` refused {what}"), &error)
        }
        ServiceError::TransportSend(error) => {
            let message = format!("MCP server `{server}` didn't get {what}");
            let error = of_transport(message, error);
            match error.code() {
                Some(_) => error,
                None => error.with_code("mcp_closed"),
            }
        }
        ServiceError::TransportClosed | ServiceError::Cancelled { .. } => ended(server, what),
        _ => unexpected(server, what),
    }
}

/// The connection is gone.
fn ended(server: &str, what: &str) -> Error {
    let message =
        format!("the connection to MCP server `{server}` ended before it had answered {what}");
    tool(message).with_code("mcp_closed")
}

/// Somebody has closed the connection.
pub(crate) fn closed(server: &str) -> Error {
    let message = format!("the connection to MCP server `{server}` was closed; connect to it anew");
    tool(message).with_code("mcp_closed")
}

/// A connection that is lost each time isn't made all the time.
pub(crate) fn too_often(server: &str, wait: Duration) -> Error {
    let seconds = wait.as_secs_f64().ceil();
    let message = format!(
        "the connection to MCP server `{server}` was lost several times; it is made again after another \
         {seconds} s"
    );
    tool(message)
        .with_code("mcp_closed")
        .retryable(true)
        .with_retry_after(wait)
}

/// Whether the connection is gone. What was asked may have been done.
pub(crate) fn is_gone(error: &ServiceError) -> bool {
    match error {
        ServiceError::TransportClosed | ServiceError::Cancelled { .. } => true,
        ServiceError::TransportSend(error) => error.error.is::<std::io::Error>(),
        _ => false,
    }
}

/// Whether the server doesn't know the session any more, and so hasn't looked at what was asked.
pub(crate) fn is_forgotten(error: &ServiceError) -> bool {
    match error {
        ServiceError::TransportSend(error) => {
            let error = error.error.downcast_ref::<HttpError>();
            matches!(error, Some(StreamableHttpError::SessionExpired))
        }
        _ => false,
    }
}

/// It answered with what isn't an answer.
pub(crate) fn unexpected(server: &str, what: &str) -> Error {
    let message = format!("MCP server `{server}` answered {what} with something that isn't MCP");
    tool(message).with_code("mcp_protocol")
}

pub(crate) fn late(server: &str, what: &str, limit: Duration) -> Error {
    let message =
        format!("MCP server `{server}` took longer for {what} than its limit of {limit:?}");
    Error::new(ErrorKind::Timeout, message)
}

pub(crate) fn tool(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Tool, message)
}

/// What a server says of its refusal is kept as that of any upstream.
fn refused(message: &str, error: &ErrorData) -> Error {
    let message = format!("{message} (JSON-RPC error {})", error.code.0);
    tool(message)
        .with_code("mcp_refused")
        .with_source(UpstreamError::new(&error.message))
}

/// Of the causes those that tell nothing of what was sent, and no address.
fn of_transport(message: String, error: DynamicTransportError) -> Error {
    let error = match error.error.downcast::<HttpError>() {
        Ok(error) => return of_http(message, *error),
        Err(error) => error,
    };
    match error.downcast::<std::io::Error>() {
        Ok(error) => tool(message).with_source(error),
        Err(_) => tool(message),
    }
}

fn of_http(message: String, error: HttpError) -> Error {
    let status = |status: u16| tool(format!("{message}: it answered {status}")).with_status(status);
    match error {
        StreamableHttpError::Client(error) => match error.status() {
            Some(code) => status(code.as_u16()),
            None => tool(message)
                .retryable(error.is_connect() || error.is_timeout())
                .with_source(error.without_url()),
        },
        StreamableHttpError::HttpStatus(HttpStatusError {
            status: code,
            retry_after,
            ..
        }) => {
            let seconds = retry_after.and_then(|wait| wait.parse().ok());
            let error = status(code).retryable(true);
            match seconds {
                Some(seconds) => error.with_retry_after(Duration::from_secs(seconds)),
                None => error,
            }
        }
        StreamableHttpError::AuthRequired(_) => {
            status(401).with_note("it wants a token: `bearer(..)`")
        }
        StreamableHttpError::InsufficientScope(_) => {
            status(403).with_note("its token doesn't allow it")
        }
        StreamableHttpError::SessionExpired => status(404).with_note("its session is over"),
        StreamableHttpError::UnexpectedServerResponse(said) => match status_in(&said) {
            Some(code) => status(code),
            None => {
                tool(format!("{message}: what it answered isn't MCP")).with_code("mcp_protocol")
            }
        },
        StreamableHttpError::UnexpectedContentType(_) | StreamableHttpError::Deserialize(_) => {
            tool(format!("{message}: what it answered isn't MCP")).with_code("mcp_protocol")
        }
        StreamableHttpError::ResponseBodyTooLarge { max_size } => tool(format!(
            "{message}: its answer is longer than {max_size} bytes"
        )),
        StreamableHttpError::Io(error) => tool(message).with_source(error),
        _ => tool(message),
    }
}

/// rmcp has no other word for most statuses than `HTTP 404 Not Found: ..`, with what was answered.
fn status_in(said: &str) -> Option<u16> {
    let rest = said.strip_prefix("HTTP ")?;
    rest.get(..3)?.parse().ok()
}

/// What a tool said of its own failure: in its words, as the model reads them.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Said {}

#[cfg(test)]
mod tests {
    use std::{any::TypeId, io};

    use super::*;

    #[test]
    fn a_program_that_ended_is_told_the_same_however_it_is_noticed() {
        let broken = Box::new(io::Error::from(io::ErrorKind::BrokenPipe));
        let broken = DynamicTransportError::from_parts("pipe", TypeId::of::<()>(), broken);
        let unread = ClientInitializeError::TransportError {
            error: broken,
            context: "".into(),
        };
        let closed = ClientInitializeError::ConnectionClosed(String::new());
        let [unread, closed] = [unread, closed].map(|error| not_connected("birds", error));
        assert_eq!(unread.message(), closed.message());
        assert!(unread.message().contains("standard error"), "{unread}");
        assert_eq!(unread.code(), Some("mcp_not_connected"));
    }
}
