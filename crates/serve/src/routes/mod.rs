//! What the server answers: one file a route.

mod asked_run;
mod events;
mod health;
mod input;
mod kept_trees;
mod links;
mod list;
mod metrics;
mod output;
mod page;
mod progress;
mod reading;
mod run;
mod session;
mod start;
mod ws;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{any, get, post},
};
use http::{HeaderName, Method, StatusCode, Uri, header};
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, CorsLayer};

pub(crate) use kept_trees::KeptTrees;

use crate::{
    guard::{self, CredentialsHook, Hosts, Limits, Origins, Proxies, Right},
    metrics::Metrics,
    refusal::Refusal,
    session::Sessions,
};

/// What all routes share.
pub(crate) struct App {
    pub(crate) sessions: Sessions,
    pub(crate) credentials: Option<CredentialsHook>,
    pub(crate) allowed: Vec<Right>,
    pub(crate) hosts: Hosts,
    pub(crate) origins: Origins,
    pub(crate) proxies: Proxies,
    pub(crate) limits: Limits,
    pub(crate) heartbeat: Duration,
    pub(crate) has_echo: bool,
    pub(crate) has_page: bool,
    /// Whether runs that haven't ended at the shut-down's limit stay open in the store.
    pub(crate) leaves_runs_open: bool,
    pub(crate) in_flight: Arc<Semaphore>,
    /// The bytes that there is room for, of all bodies that are being read.
    pub(crate) bodies: Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) trees: KeptTrees,
}

/// The routes of a server, behind what guards them.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut known = Router::new()
        .route("/runs", post(start::start).get(list::list))
        .route("/runs/{id}", get(run::state).delete(run::cancel))
        .route("/runs/{id}/events", get(events::events))
        .route("/runs/{id}/output", get(output::output))
        .route("/runs/{id}/input", post(input::input))
        .route("/runs/{id}/progress", get(progress::progress))
        .route("/session", post(session::begin).delete(session::end))
        .route("/metrics", get(metrics::metrics))
        .route("/ws", any(ws::ws));
    if app.has_echo {
        known = known.route("/ws/echo", any(ws::echo::echo));
    }
    let mut open = known
        .route_layer(from_fn_with_state(app.clone(), guard::identify))
        .route("/health", get(health::health));
    if app.has_page {
        // Whoever has no token yet gives it there.
        open = open.route("/", get(page::page));
    }
    let mut router = open
        .fallback(async |asked: Uri| {
            let message = match asked.path() {
                "/" => "there is nothing here; the routes are in the documentation",
                path if path.ends_with('/') => {
                    "there is nothing here: paths of this server have no slash at their end"
                }
                _ => "there is nothing here; the routes are in the documentation",
            };
            Refusal::new(StatusCode::NOT_FOUND, "no_such_route", message)
        })
        .method_not_allowed_fallback(async || {
            let message = "this route takes other methods; see the header `allow`";
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                message,
            )
        });
    if !app.origins.listed().is_empty() {
        router = router.layer(cors(&app.origins));
    }
    router
        .layer(from_fn_with_state(app.clone(), guard::site))
        .layer(from_fn_with_state(app.clone(), guard::count))
        .with_state(app)
}

/// Pages of the listed origins may read the answers.
fn cors(origins: &Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.listed().iter().cloned()))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::RETRY_AFTER, HeaderName::from_static("mainstem-run")])
        .allow_credentials(true)
}
