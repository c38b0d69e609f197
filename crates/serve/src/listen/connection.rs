//! One connection, from its first byte to its last.

use std::{future::poll_fn, net::SocketAddr, pin::pin, task::Poll};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{net::TcpStream, sync::watch, time::Instant};
use tower::ServiceExt;

use super::{activity::Activity, kept::Kept, watched::Watched};
use crate::guard::Limits;

/// Serves a connection until it ends, is overdue, or the server closes.
pub(super) async fn serve<H: Send + Unpin + 'static>(
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    mut closed: watch::Receiver<bool>,
    held: H,
) {
    let activity = Activity::new();
    let requests = activity.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let under_way = requests.request(request.version() == Version::HTTP_2);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move {
            let answer = router.oneshot(request).await;
            // The request is under way until its response is sent whole.
            answer.map(|answer| answer.map(|body| Kept::new(body, under_way)))
        }
    });
    let builder = builder(&limits);
    let io = TokioIo::new(Watched::new(socket, activity.clone(), held));
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let mut closing = pin!(closed.wait_for(|closed| *closed));
    let mut is_closing = false;
    let mut watch = pin!(tokio::time::sleep_until(Instant::now()));
    let ended = poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Ok(ended));
            }
            if !is_closing && closing.as_mut().poll(cx).is_ready() {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            let (at, why) = activity.due(&limits);
            if let Some(why) = why.filter(|_| at <= Instant::now()) {
                return Poll::Ready(Err(why));
            }
            if watch.deadline() != at {
                watch.as_mut().reset(at);
            }
            if watch.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    });
    match ended.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(target: "mainstem::serve", %peer, error, "connection failed");
        }
        Err(why) => {
            tracing::debug!(target: "mainstem::serve", %peer, ?why, "connection was overdue");
        }
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watch counts it, and the time of the very first bytes besides.
        .header_read_timeout(None)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8 << 10));
    let header_bytes = u32::try_from(limits.header_bytes).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(header_bytes)
        .keep_alive_interval(limits.stall)
        .keep_alive_timeout(limits.stall)
        .max_concurrent_streams(256);
    builder
}
