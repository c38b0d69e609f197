use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::delivery::Framing;
use crate::log::Sending;
use crate::refusal;
use crate::reply::{Body, Wishes};
use crate::request::{self, ReadError, Request};
use crate::script::{Pause, Phrasing, Stop};
use crate::server::Shared;
use crate::wire::Op;
use crate::{Recorded, Reply};

/// What becomes of the connection after a reply.
enum Next {
    KeepAlive,
    Close,
    Reset,
    Disconnected,
}

/// Answers the requests of one connection until it ends.
pub(crate) async fn serve(mut stream: TcpStream, number: usize, shared: Arc<Shared>) {
    // Every write is meant to leave at once; without this the reply is merely late.
    let _ = stream.set_nodelay(true);
    let mut buffer = BytesMut::new();
    loop {
        let (mut reader, mut writer) = stream.split();
        let request = match request::read(&mut reader, &mut buffer).await {
            Ok(request) => request,
            Err(ReadError::Closed) => return,
            Err(ReadError::Malformed(reason)) => {
                let _ = refuse(&mut writer, &reason).await;
                return;
            }
        };
        let (recorded, mut sending) = shared.log.requested(record(&request, number));
        let reply = choose(&shared, &recorded);
        let exchange = Exchange {
            shared: &shared,
            request: &request,
            recorded: &recorded,
        };
        let next = tokio::select! {
            biased;
            sent = exchange.send(&reply, &mut writer, &mut sending) => {
                sent.unwrap_or(Next::Disconnected)
            }
            () = closed(&mut reader, &mut buffer) => Next::Disconnected,
        };
        match next {
            Next::KeepAlive => {}
            Next::Close => return,
            Next::Reset => {
                reset(&stream);
                return;
            }
            Next::Disconnected => {
                sending.disconnected();
                return;
            }
        }
    }
}

/// Makes the close of the stream, which follows, a reset.
#[allow(
    deprecated,
    reason = "`set_zero_linger` needs tokio 1.50; no time is too short to block"
)]
fn reset(stream: &TcpStream) {
    // Without it the connection is closed in the ordinary way.
    let _ = stream.set_linger(Some(Duration::ZERO));
}

/// Answers bytes that aren't a request.
async fn refuse(writer: &mut WriteHalf<'_>, reason: &str) -> io::Result<()> {
    let body = refusal::error_body(reason, None);
    let length = body.len();
    let text = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    writer.write_all(text.as_bytes()).await
}

/// Waits until the client closes or resets; what it sends meanwhile is kept.
async fn closed(reader: &mut ReadHalf<'_>, buffer: &mut BytesMut) {
    while let Ok(1..) = reader.read_buf(buffer).await {}
}

fn record(request: &Request, connection: usize) -> Recorded {
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (request.target.as_str(), None),
    };
    Recorded {
        index: 0,
        connection,
        at: Instant::now(),
        method: request.method.clone(),
        path: path.to_owned(),
        query,
        headers: request.headers.clone(),
        body: serde_json::from_slice(&request.body).unwrap_or(Value::Null),
        raw: request.body.to_vec(),
    }
}

/// Returns the refusal of the request, or the next reply of the script.
fn choose(shared: &Shared, request: &Recorded) -> Reply {
    refusal::check(request, &shared.options).unwrap_or_else(|| shared.plan.next(request))
}

/// One request and the reply to it.
struct Exchange<'a> {
    shared: &'a Shared,
    request: &'a Request,
    recorded: &'a Recorded,
}

impl Exchange<'_> {
    async fn send(
        &self,
        reply: &Reply,
        writer: &mut WriteHalf<'_>,
        sending: &mut Sending<'_>,
    ) -> io::Result<Next> {
        for op in reply.before_head() {
            if let Some(how) = perform(op, writer, sending).await? {
                return Ok(if how == Stop::Reset {
                    Next::Reset
                } else {
                    Next::Close
                });
            }
        }
        let body = reply.answer(Wishes {
            stream: self.recorded.is_streaming(),
            phrasing: self.phrasing(),
            chunks: self.request.modern,
        });
        let keep_alive = self.request.keep_alive && body.framing != Framing::CloseDelimited;
        let head = self.head(reply, &body, keep_alive);
        writer.write_all(head.as_bytes()).await?;
        for op in body.ops {
            match perform(op, writer, sending).await? {
                None => {}
                Some(Stop::Reset) => return Ok(Next::Reset),
                Some(Stop::End) if keep_alive => return Ok(Next::KeepAlive),
                Some(_) => break,
            }
        }
        Ok(Next::Close)
    }

    fn phrasing(&self) -> Phrasing {
        let recorded = self.recorded;
        if recorded.is_for_responses() {
            return Phrasing::Responses {
                encrypted: recorded.wants_encrypted_reasoning(),
            };
        }
        Phrasing::Chat {
            usage: !self.shared.options.honour_include_usage || recorded.wants_usage(),
        }
    }

    fn head(&self, reply: &Reply, body: &Body, keep_alive: bool) -> String {
        let mut headers: Vec<(String, String)> = reply.headers().to_vec();
        let mut add = |name: &str, value: String| {
            if !headers
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                headers.push((name.to_owned(), value));
            }
        };
        add("content-type", body.content_type.to_owned());
        add(
            "x-request-id",
            format!("req-testkit-{}", self.recorded.index),
        );
        match (body.framing, body.length) {
            (Framing::Chunked, _) => add("transfer-encoding", "chunked".to_owned()),
            (Framing::ContentLength, Some(length)) => add("content-length", length.to_string()),
            _ => {}
        }
        if !keep_alive {
            add("connection", "close".to_owned());
        }
        let mut head = format!("HTTP/1.1 {} {}\r\n", body.status, reason(body.status));
        for (name, value) in headers {
            head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        head + "\r\n"
    }
}

/// Does what the op says, and returns how the reply ends if it does.
async fn perform(
    op: Op,
    writer: &mut WriteHalf<'_>,
    sending: &mut Sending<'_>,
) -> io::Result<Option<Stop>> {
    match op {
        Op::Write { wire, body } => write(&wire, body, writer, sending).await?,
        Op::Pause(Pause::For(duration)) => tokio::time::sleep(duration).await,
        Op::Pause(Pause::At(gate)) => gate.wait().await,
        Op::Stop(Stop::Stall) => pending().await,
        Op::Stop(how) => return Ok(Some(how)),
    }
    Ok(None)
}

/// Writes all bytes and counts those of the body while the kernel takes them.
async fn write(
    wire: &Bytes,
    body: u64,
    writer: &mut WriteHalf<'_>,
    sending: &mut Sending<'_>,
) -> io::Result<()> {
    let (mut written, mut counted) = (0, 0);
    while written < wire.len() {
        written += match writer.write(&wire[written..]).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            taken => taken,
        };
        let share = body * written as u64 / wire.len() as u64;
        sending.wrote(share - counted);
        counted = share;
    }
    Ok(())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Scripted",
    }
}
