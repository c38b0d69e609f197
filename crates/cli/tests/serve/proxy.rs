//! A network that hangs up.

use std::{collections::VecDeque, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Text that no compression makes much shorter: whoever comes late, and reads all of it at once, is cut all
/// the same.
pub(crate) fn noise(length: usize) -> String {
    let mut state = 2_463_534_242_u32;
    let letter = || {
        // xorshift, by Marsaglia.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b'a' + u8::try_from(state % 26).unwrap())
    };
    std::iter::repeat_with(letter).take(length).collect()
}

/// Hands connections on to a server, and cuts the first ones after some bytes of the answer.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    target: watch::Sender<Option<String>>,
    _connections: JoinSet<()>,
}

impl Proxy {
    /// The first connection is cut after the first number of bytes, as they are sent (most clients like them
    /// compressed), and so on; the others aren't.
    pub(crate) async fn start(target: &str, cuts: &[usize]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (target, hears) = watch::channel(Some(target.to_owned()));
        let mut cuts: VecDeque<_> = cuts.iter().copied().collect();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut under_way = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Some(target) = hears.borrow().clone() else {
                    continue;
                };
                let most = cuts.pop_front().unwrap_or(usize::MAX);
                under_way.spawn(hand_on(client, target, most));
            }
        });
        Self {
            address,
            target,
            _connections: connections,
        }
    }

    /// New connections are hung up on: the port of a server that is gone may be another's by now.
    pub(crate) fn refuse(&self) {
        self.target.send_replace(None);
    }

    /// New connections go to another server.
    pub(crate) fn redirect(&self, target: &str) {
        self.target.send_replace(Some(target.to_owned()));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn hand_on(mut client: TcpStream, target: String, most: usize) {
    // A server that isn't there is a connection that is cut.
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = tokio::io::copy(&mut from_client, &mut to_server);
    let down = async {
        let mut left = most;
        let mut buffer = vec![0; 4096];
        while left > 0 {
            let Ok(read @ 1..) = from_server.read(&mut buffer).await else {
                return;
            };
            let sent = read.min(left);
            left -= sent;
            if to_client.write_all(&buffer[..sent]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = down => {}
        // A client that is done with its request may still read.
        _ = up => {}
    }
}
