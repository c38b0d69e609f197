//! `mainstem serve`.

mod approval;
mod args;
mod article;
mod banner;
mod bundled;
mod echo;
mod log;
mod signals;

use std::{
    env::{self, VarError},
    io,
    net::SocketAddr,
    path::PathBuf,
};

pub(crate) use args::Serve;
use mainstem::{Error, ErrorKind, SqliteStore};
use mainstem_serve::{Limits, Principal, Right, Server, SessionLimits};
use tokio::net::TcpListener;

use crate::{
    exit::{Exit, Failure},
    model, notes, print,
};
use bundled::Bundled;
use signals::Signals;

/// The variable of the token that clients have to bring.
const TOKEN: &str = "MAINSTEM_TOKEN";

/// Serves until it is told to end.
pub(crate) async fn run(args: Serve) -> Result<Exit, Failure> {
    log::begin(args.log);
    let chosen = model::choose(&args.answers)?;
    let bundled = Bundled::new(&chosen.model)?;
    let token = token(env::var(TOKEN))?;
    let mut server = guarded(&args, token.as_deref())
        .agent(bundled.assistant)
        .flow(bundled.guide)
        .agent(bundled.article)
        .flow(bundled.research)
        .flow(bundled.approval)
        .flow(bundled.echo);
    // Before anything is said of where it listens.
    server.check()?;
    if let Some(file) = store(&args) {
        let store = SqliteStore::open(file).await?;
        server = server
            .store(store)
            .sessions(|builder| builder.worker_lease(args.worker_lease))
            .resume_interrupted(args.resume_after)
            .leave_runs_open();
    }
    let listener = listen(&args.listen).await?;
    let address = listener.local_addr().map_err(Failure::System)?;
    if !address.ip().is_loopback() && token.is_none() && !args.doors.open_to_all {
        return Err(unguarded(address).into());
    }
    // Whoever has read where it listens may tell it to end.
    let signals = Signals::new().map_err(Failure::System)?;
    let (id, reason) = (chosen.model.id(), chosen.reason);
    notes::aside(format_args!("The model is {id} ({reason})."));
    let banner = banner::banner(address, token.is_some());
    print::write(banner).await.map_err(Failure::Output)?;
    serve(server, listener, signals).await
}

/// What clients have to bring, if they have to. A secret that got lost on its way here isn't none.
fn token(set: Result<String, VarError>) -> Result<Option<String>, Error> {
    let message = match set {
        Ok(token) if !token.is_empty() => return Ok(Some(token)),
        Ok(_) => format!("{TOKEN} is set to nothing; set it to a secret, or unset it"),
        Err(VarError::NotPresent) => return Ok(None),
        Err(VarError::NotUnicode(_)) => {
            format!("{TOKEN} isn't text in UTF-8; set it to one that is")
        }
    };
    Err(Error::new(ErrorKind::Config, message))
}

/// The server with its doors as the command line has them.
fn guarded(args: &Serve, token: Option<&str>) -> Server {
    let (doors, bounds) = (&args.doors, &args.bounds);
    let sessions = SessionLimits::new()
        .runs(bounds.max_runs)
        .runs_per_owner(bounds.max_runs_per_client);
    let mut server = Server::new()
        .page()
        .limits(Limits::default().shutdown(bounds.shutdown))
        .sessions(|builder| match bounds.lease {
            Some(lease) => builder.limits(sessions).lease(lease),
            None => builder.limits(sessions),
        });
    if let Some(token) = token {
        server = server.token(token, Principal::new("token"));
    }
    for (is_open, right) in [
        (doors.open_lists, Right::List),
        (doors.open_metrics, Right::Metrics),
    ] {
        if is_open {
            server = server.allow(right);
        }
    }
    for host in &doors.allow_host {
        server = server.host(host);
    }
    for origin in &doors.allow_origin {
        server = server.origin(origin);
    }
    for proxy in &doors.trust_proxy {
        server = server.trust_proxy(proxy, "x-forwarded-for");
    }
    if doors.open_to_all {
        server = server.open_to_all();
    }
    if doors.ws_echo {
        server = server.echo();
    }
    server
}

/// The file of runs, if there is to be one.
fn store(args: &Serve) -> Option<PathBuf> {
    let from_environment = || env::var_os("MAINSTEM_STORE").map(PathBuf::from);
    let file = args.store.clone().or_else(from_environment);
    file.filter(|file| !file.as_os_str().is_empty())
}

async fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let mend = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there; give another address by --listen, or port 0 for one \
                 that is free"
            }
            io::ErrorKind::AddrNotAvailable => "this machine hasn't got that address",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for root; give another by --listen"
            }
            io::ErrorKind::InvalidInput => "an address is a host and a port, as 127.0.0.1:8080",
            _ => "is it an address of this machine, as 127.0.0.1:8080?",
        };
        Failure::Listen {
            message: format!("can't listen on `{address}`: {mend}"),
            error,
        }
    })
}

fn unguarded(address: SocketAddr) -> Error {
    let message = format!(
        "on {address} other machines reach the server, and nobody is asked who they are; set {TOKEN} to \
         a secret, or say --open-to-all"
    );
    Error::new(ErrorKind::Config, message)
}

/// Serves until Ctrl-C or SIGTERM; a second Ctrl-C doesn't wait for what is under way.
async fn serve(
    server: Server,
    listener: TcpListener,
    mut signals: Signals,
) -> Result<Exit, Failure> {
    let (told, hears) = tokio::sync::oneshot::channel();
    let serving = server.serve(listener, async {
        // The sender is dropped only when nothing is served any more.
        let _ = hears.await;
    });
    let signals = async {
        signals.shutdown().await;
        notes::aside("Shutting down; runs may end. Ctrl-C again doesn't wait for them.");
        let _ = told.send(());
        signals.interrupt().await;
    };
    tokio::select! {
        served = serving => {
            served?;
            Ok(Exit::Finished)
        }
        () = signals => Err(Failure::Interrupted),
    }
}
