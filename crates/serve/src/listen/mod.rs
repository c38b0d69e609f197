//! Connections: how they are taken, watched and ended.

mod activity;
mod connection;
mod kept;
mod watched;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::Instant,
};

use crate::{metrics::Held, routes::App};

/// How long a connection has, when the server shuts down, to send how its run ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves a router on a listener until the shut-down is said; then lets requests end, for as long as
/// the limit allows.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    app: Arc<App>,
    shutdown: impl Future<Output = ()>,
) {
    let most = u32::try_from(app.limits.connections).unwrap_or(u32::MAX);
    let permits = Arc::new(Semaphore::new(most as usize));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let taken = async {
            // Those beyond the limit wait in the system's queue.
            let permit = permits.clone().acquire_owned().await.ok()?;
            Some((accepted(&listener, app.limits.stall).await, permit))
        };
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            taken = taken => match taken {
                Some(((stream, peer), permit)) => (stream, peer, permit),
                None => break,
            },
        };
        let held = (permit, Held::new(&app.metrics.connections));
        let (router, limits) = (router.clone(), app.limits.clone());
        // spawn: a connection is its own task; the set ends it at the latest with the server.
        connections.spawn(connection::serve(
            stream,
            peer,
            router,
            limits,
            app.sessions.closing(),
            held,
        ));
    }
    drop(listener);
    let deadline = Instant::now() + app.limits.shutdown;
    let sessions = &app.sessions;
    if app.leaves_runs_open {
        sessions.shutdown_and_leave(app.limits.shutdown).await;
    } else {
        sessions.shutdown(app.limits.shutdown).await;
    }
    // What the runs' ends look like has to be sent, even if they took all of the time.
    let deadline = deadline.max(Instant::now() + LAST_WORDS);
    // WebSockets aren't in the set any more, but have their permits.
    let ended = permits.acquire_many(most);
    if tokio::time::timeout_at(deadline, ended).await.is_err() {
        let connections = most as usize - permits.available_permits();
        tracing::warn!(
            target: "mainstem::serve",
            connections,
            "connections were cut at the shut-down's limit"
        );
    }
}

/// The next connection; when the system has none to give (too many open files, say), later.
async fn accepted(listener: &TcpListener, silence: Duration) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small frames are to leave at once.
                let _ = stream.set_nodelay(true);
                let _ = keep_alive(&stream, silence);
                return (stream, peer);
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(target: "mainstem::serve", %error, "no connection can be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Has the system ask whether a client is there that says nothing: one that lost its network has no last
/// word, and some wires have no heartbeat.
fn keep_alive(stream: &TcpStream, silence: Duration) -> io::Result<()> {
    let silence = silence.max(Duration::from_secs(1));
    let asking = TcpKeepalive::new()
        .with_time(silence)
        .with_interval(silence / 4);
    SockRef::from(stream).set_tcp_keepalive(&asking)
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_client_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address);
        let accepted = accepted(&listener, Duration::from_secs(60));
        let (_client, (stream, _)) = tokio::join!(client, accepted);
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap().as_secs(), 60);
        assert!(stream.nodelay().unwrap());
    }
}
