//! How a server is reached, as often as that is needed.

use std::sync::Arc;

use mainstem_core::Result;
use process_wrap::tokio::CommandWrap;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rmcp::{RoleClient, transport::Transport};

use crate::{
    connection::{Connection, Manner},
    failure::config,
    http,
    process::Process,
    tap::{Seen, Tapped},
};

pub(crate) enum Way {
    Stdio(Box<CommandWrap>),
    Http(Address),
}

/// A server over HTTP, and what goes along with each request.
pub(crate) struct Address {
    pub(crate) url: String,
    pub(crate) bearer: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) client: Option<reqwest::Client>,
}

impl Way {
    /// Starts the program, or reaches the server, and agrees on the protocol.
    pub(crate) async fn open(&mut self, manner: &Manner, seen: Arc<Seen>) -> Result<Connection> {
        let server = &manner.server;
        match self {
            Self::Stdio(command) => tapped(Process::start(server, command)?, manner, seen).await,
            Self::Http(address) => {
                let headers = header_map(server, &address.headers)?;
                let transport = http::reach(server, address, headers, Arc::clone(&seen))?;
                tapped(transport, manner, seen).await
            }
        }
    }

    /// Whom an option isn't for, that is for the others.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Stdio(_) => "programs",
            Self::Http(_) => "servers over HTTP",
        }
    }
}

async fn tapped<T>(transport: T, manner: &Manner, seen: Arc<Seen>) -> Result<Connection>
where
    T: Transport<RoleClient> + 'static,
{
    let transport = Tapped::new(transport, Arc::clone(&seen));
    Connection::open(transport, manner, seen).await
}

fn header_map(server: &str, headers: &[(String, String)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let Ok(header) = HeaderName::try_from(name) else {
            return Err(config(format!(
                "MCP server `{server}` is given a header `{name}`, which can't be one"
            )));
        };
        let Ok(mut value) = HeaderValue::try_from(value) else {
            return Err(config(format!(
                "MCP server `{server}` is given a header `{name}` whose value has characters that \
                 can't stand in a header"
            )));
        };
        value.set_sensitive(true);
        map.insert(header, value);
    }
    Ok(map)
}
