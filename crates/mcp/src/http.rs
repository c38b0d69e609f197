//! The way to a server over HTTP.

use std::{collections::HashMap, sync::Arc, time::Duration};

use mainstem_core::{Error, Result};
use reqwest::{Url, header::HeaderMap};
use rmcp::transport::{
    StreamableHttpClientTransport, common::client_side_sse::ExponentialBackoff,
    streamable_http_client::StreamableHttpClientTransportConfig,
};

use crate::failure::config;

/// How often a stream that broke off is asked for again: for about 4 s in all, so that a call on a
/// server that is gone fails.
const RECONNECTS: usize = 3;
const FIRST_RECONNECT: Duration = Duration::from_millis(500);

/// Makes the way to a server over HTTP; nothing is sent yet.
pub(crate) fn reach(
    server: &str,
    url: &str,
    bearer: Option<String>,
    headers: HeaderMap,
    client: Option<reqwest::Client>,
) -> Result<StreamableHttpClientTransport<reqwest::Client>> {
    let has_host = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !has_host {
        let message = format!(
            "the address of MCP server `{server}` isn't one; it begins with `https://` or `http://`"
        );
        return Err(config(message));
    }
    let client = match client {
        Some(client) => client,
        None => default_client()?,
    };
    let mut backoff = ExponentialBackoff::default();
    backoff.max_times = Some(RECONNECTS);
    backoff.base_duration = FIRST_RECONNECT;
    let headers: HashMap<_, _> = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name?, value)))
        .collect();
    let mut config = StreamableHttpClientTransportConfig::with_uri(url).custom_headers(headers);
    config.retry_config = Arc::new(backoff);
    config.auth_header = bearer;
    Ok(StreamableHttpClientTransport::with_client(client, config))
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
