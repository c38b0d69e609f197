use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{ErrorKind, Message, Model, ModelRequest, TimeLimits, TimedStream};
use tokio::time::timeout;

use super::cases::Case;
use super::judge::Judge;
use super::seen::{End, Seen};
use crate::{Fixture, Reply, ScriptedServer};

/// After this time something hangs; no case comes near it.
const TOO_LONG: Duration = Duration::from_secs(20);
/// After this time, what has come is held back: it has to show up at once.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long a stalled stream is looked at; comments go on for longer.
const A_WHILE: Duration = Duration::from_millis(60);

/// A server and an adapter that asks it, for one case at a time.
pub(super) struct Lane<M> {
    server: ScriptedServer,
    model: M,
    /// Requests that no reply was scripted for.
    unasked: Arc<AtomicUsize>,
}

impl<M: Model> Lane<M> {
    pub(super) async fn open(make: impl Fn(&str) -> M) -> Result<Self, String> {
        let server = ScriptedServer::start().await;
        let server = server.map_err(|error| format!("no server could be started: {error}"))?;
        let unasked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&unasked);
        server.respond_with(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Reply::error_status(400, "one stream is one request")
        });
        let model = make(&server.base_url());
        Ok(Self {
            server,
            model,
            unasked,
        })
    }

    /// Plays a case, and reads the stream to its end.
    pub(super) async fn play(&self, fixture: &Fixture, case: &Case) -> Result<Seen, String> {
        self.server.push(case.reply(fixture));
        let stream = self.model.stream(request());
        let seen = timeout(TOO_LONG, Seen::of(stream, &self.host())).await;
        self.check_requests()?;
        seen.map_err(|_| format!("the stream hasn't ended after {TOO_LONG:?}"))?
    }

    /// Plays a stall: what had come whole is delivered, and then the stream waits.
    pub(super) async fn stall(
        &self,
        fixture: &Fixture,
        case: &Case,
        judge: &Judge,
    ) -> Result<(), String> {
        let at = case.place().unwrap_or_default();
        self.server.push(case.reply(fixture));
        let mut stream = self.model.stream(request());
        let mut seen = Seen::default();
        while seen.pieces != judge.delivered_at(at) {
            let item = timeout(AT_ONCE, stream.next()).await;
            let item = item.map_err(|_| {
                let got = &seen.pieces;
                format!("what had come whole is held back: {got:?} was delivered")
            })?;
            let item = item.ok_or("the stream ended, though more could come")?;
            seen.add(item, &self.host())?;
            if let Some(end) = &seen.end {
                return is_its_end(judge, at, end);
            }
        }
        // What the core makes of the stall.
        let limits = TimeLimits::NONE.first_event(A_WHILE);
        let mut rest = TimedStream::new(stream, limits);
        while let Some(item) = rest.next().await {
            if matches!(&item, Err(error) if error.kind() == ErrorKind::Timeout) {
                return self.check_requests();
            }
            let count = seen.pieces.len();
            seen.add(item, &self.host())?;
            if let Some(end) = &seen.end {
                return is_its_end(judge, at, end);
            }
            if seen.pieces.len() > count {
                return Err(format!("comments brought {:?}", &seen.pieces[count..]));
            }
        }
        Err("the stream ended, though more could come".to_owned())
    }

    fn check_requests(&self) -> Result<(), String> {
        match (self.server.queued(), self.unasked.load(Ordering::Relaxed)) {
            (0, 0) => Ok(()),
            (0, _) => Err("it was asked for more than once".to_owned()),
            _ => Err("the server wasn't asked".to_owned()),
        }
    }

    fn host(&self) -> String {
        self.server.address().to_string()
    }
}

fn is_its_end(judge: &Judge, at: usize, end: &End) -> Result<(), String> {
    if judge.is_over(at) && judge.is_its_end(end) {
        return Ok(());
    }
    Err(format!(
        "the stream ended with {end:?}, though more could come"
    ))
}

fn request() -> ModelRequest {
    ModelRequest::new([Message::user("Which bird?")])
}
