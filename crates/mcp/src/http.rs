//! The way to a server over HTTP.

use std::{collections::HashMap, sync::Arc, time::Duration};

use mainstem_core::{Error, Result};
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use rmcp::{
    model::{ClientJsonRpcMessage, JsonRpcMessage, RequestId},
    transport::{
        StreamableHttpClientTransport,
        common::client_side_sse::{BoxedSseResponse, ExponentialBackoff},
        streamable_http_client::{
            StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
            StreamableHttpPostResponse,
        },
    },
};

use crate::{failure::config, tap::Seen, way::Address};

/// How often a stream that broke off is asked for again: for about 4 s in all, so that a call on a
/// server that is gone fails.
const RECONNECTS: usize = 3;
const FIRST_RECONNECT: Duration = Duration::from_millis(500);

/// Makes the way to a server over HTTP; nothing is sent yet.
pub(crate) fn reach(
    server: &str,
    address: &Address,
    headers: HeaderMap,
    seen: Arc<Seen>,
) -> Result<StreamableHttpClientTransport<Sender>> {
    let url = &address.url;
    let has_host = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !has_host {
        let message = format!(
            "the address of MCP server `{server}` isn't one; it begins with `https://` or `http://`"
        );
        return Err(config(message));
    }
    let client = match &address.client {
        Some(client) => client.clone(),
        None => default_client()?,
    };
    let mut backoff = ExponentialBackoff::default();
    backoff.max_times = Some(RECONNECTS);
    backoff.base_duration = FIRST_RECONNECT;
    let headers: HashMap<_, _> = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name?, value)))
        .collect();
    let mut config =
        StreamableHttpClientTransportConfig::with_uri(url.as_str()).custom_headers(headers);
    config.retry_config = Arc::new(backoff);
    config.auth_header.clone_from(&address.bearer);
    // A new session is a new connection, of which the run is told.
    config.reinit_on_expired_session = false;
    let sender = Sender { client, seen };
    Ok(StreamableHttpClientTransport::with_client(sender, config))
}

/// An HTTP client that finds out that a server doesn't know the session any more.
///
/// By the protocol it answers 404, of which rmcp tells. Many servers answer 400 instead, with an error
/// that names no request: of that one, rmcp would never tell whom it is for.
#[derive(Clone)]
pub(crate) struct Sender {
    client: reqwest::Client,
    seen: Arc<Seen>,
}

impl Sender {
    /// An error that names no request is an answer to the one that it was sent for.
    fn claim(
        &self,
        answer: &mut StreamableHttpPostResponse,
        request: Option<RequestId>,
        has_session: bool,
    ) {
        if let StreamableHttpPostResponse::Json(JsonRpcMessage::Error(refusal), _) = answer
            && refusal.id.is_none()
        {
            refusal.id = request;
            if has_session {
                self.seen.is_lost_now();
            }
        }
    }
}

type Failure = StreamableHttpError<reqwest::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;

impl StreamableHttpClient for Sender {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let most = StreamableHttpClientTransportConfig::default().max_sse_event_size;
        self.post_message_with_max_sse_event_size(uri, message, session, token, headers, most)
            .await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let request = match &message {
            JsonRpcMessage::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        let has_session = session.is_some();
        let posted = self
            .client
            .post_message_with_max_sse_event_size(uri, message, session, token, headers, most);
        let mut answer = posted.await?;
        self.claim(&mut answer, request, has_session);
        Ok(answer)
    }

    fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> impl Future<Output = Result<(), Failure>> + Send + '_ {
        self.client.delete_session(uri, session, token, headers)
    }

    fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> impl Future<Output = Result<BoxedSseResponse, Failure>> + Send + '_ {
        self.client.get_stream(uri, session, last, token, headers)
    }

    fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        token: Option<String>,
        headers: Headers,
        most: usize,
    ) -> impl Future<Output = Result<BoxedSseResponse, Failure>> + Send + '_ {
        self.client
            .get_stream_with_max_sse_event_size(uri, session, last, token, headers, most)
    }
}

fn default_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        // Followed to another host, it would take headers and arguments there.
        .redirect(reqwest::redirect::Policy::none())
        // A connection whose last answer wasn't read to its end stalls the next request.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error: reqwest::Error| -> Error {
            config("the HTTP client can't be made").with_source(error)
        })
}

/// An address without what may be a key: user, password, query and fragment.
pub(crate) fn without_secrets(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "(no address)".to_owned();
    };
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
