//! What stands before the routes: which requests are served, for whom, and how much of them.

mod address;
mod body;
pub(crate) mod cookie;
mod counted;
mod credentials;
mod host;
mod limits;
mod origin;
mod rights;

use std::{sync::Arc, time::Duration};

pub(crate) use address::Proxies;
use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
pub(crate) use body::{JsonBody, check_depth};
pub(crate) use counted::Counted;
pub use credentials::Credentials;
pub(crate) use credentials::CredentialsHook;
pub(crate) use host::{Hosts, is_loopback};
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
pub use limits::Limits;
use mainstem_core::Text;
pub(crate) use origin::Origins;
pub use rights::{Principal, Right};
use tokio::time::Instant;

use crate::{Session, StartOptions, refusal::Refusal, routes::App};

/// The outermost layer: how many requests there are, and what is said in every answer.
pub(crate) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("none", |path| path.as_str());
    let method = request.method().clone();
    let response = match app.in_flight.clone().try_acquire_owned() {
        Ok(permit) => {
            let response = next.run(request).await;
            let sent = app.metrics.sent_bytes.clone();
            response.map(|body| Body::new(Counted::new(body, app.limits.output, sent, permit)))
        }
        Err(_) => Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_requests",
            "as many requests are under way as this server takes; try again later",
        )
        .retry_after(Duration::from_secs(1))
        .into_response(),
    };
    app.metrics
        .answered(&method, route, &response, began.elapsed());
    hardened(response)
}

/// A browser is to take an answer for what it says it is, and to show it to this site alone.
fn hardened(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in HEADERS {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Refuses requests that are for another server, or from another site's page.
pub(crate) async fn site(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let checked = app
        .hosts
        .check(request.uri(), request.headers())
        .and_then(|host| {
            let (method, headers) = (request.method(), request.headers());
            app.origins.check(method, headers, &host)
        });
    match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Finds out who sends a request, and refuses those whom nobody knows.
pub(crate) async fn identify(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let principal = match &app.credentials {
        None => Ok(Some(Principal::default())),
        Some(hook) => hook.call(Credentials::of(request.headers())).await,
    };
    let principal = match principal {
        Ok(Some(principal)) => principal.with_all(&app.allowed),
        Ok(None) => return unknown().into_response(),
        Err(error) => {
            tracing::warn!(target: "mainstem::serve", %error, "credentials can't be checked");
            return Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "credentials_unavailable",
                "credentials can't be checked now; try again later",
            )
            .retry_after(Duration::from_secs(1))
            .into_response();
        }
    };
    let address = match principal.name() {
        Some(_) => None,
        None => app.proxies.client(request.extensions(), request.headers()),
    };
    request
        .extensions_mut()
        .insert(Caller { principal, address });
    next.run(request).await
}

fn unknown() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the request needs valid credentials: the header `authorization: Bearer TOKEN`, or the cookie \
         that `POST /session` gives in exchange for it",
    )
    .wants(header::WWW_AUTHENTICATE, "Bearer realm=\"mainstem\"")
}

/// Whoever sent a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// Where the request comes from, if the principal has no name and it is known.
    address: Option<Text>,
}

impl Caller {
    /// How a run is started that is the caller's.
    pub(crate) fn start_options(&self) -> StartOptions {
        let mut options = StartOptions::new();
        options.owner = self.principal.name().map(Into::into);
        options.client = self.address.clone();
        options
    }

    /// A run that the caller goes on with, and that counts for them, if it is nobody's.
    pub(crate) fn going_on_with(&self, session: Session) -> Session {
        session.counted_for(self.address.clone())
    }

    /// Refuses what the caller has no right to.
    pub(crate) fn must(&self, right: Right) -> Result<(), Refusal> {
        if self.principal.may(right) {
            return Ok(());
        }
        let name = right.as_str();
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "no_right",
            format!(
                "this needs the right `{name}`; `Server::allow(Right::{name})`{} gives it to all, \
                 `Principal::allow` to one",
                right.option()
            ),
        ))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // Not there only where `identify` wasn't asked: closed, then.
        parts.extensions.get::<Self>().cloned().ok_or_else(unknown)
    }
}
