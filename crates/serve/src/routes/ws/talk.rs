//! What is said over one socket, from the first message to the close.

use std::{collections::VecDeque, sync::Arc};

use axum::extract::ws::{Message, Utf8Bytes};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use mainstem_core::{Answer, Error, ErrorKind, Event, Place, Result, RunId};
use tokio::{sync::watch, time::Instant};

use super::{
    faults,
    socket::{Said, Socket},
};
use crate::{
    ReadFrom, Reader, Session,
    guard::{Caller, check_depth},
    routes::{
        App,
        reading::{self, Left},
    },
    wire::{
        Ended, Outcome,
        ws::{ClientMessage, CloseCode, Message as Frame, Resume, ServerMessage, Start, Window},
    },
};

/// How many events are put together, if they are there already.
const EVENTS_AT_ONCE: usize = 32;
/// How many messages of a client wait while something is being done.
const MESSAGES_WAITING: usize = 64;

/// A client, its socket and its run.
pub(super) struct Talk {
    app: Arc<App>,
    caller: Caller,
    socket: Socket,
    closing: watch::Receiver<bool>,
    run: Option<Session>,
    reader: Option<Box<Reader>>,
    window: Option<Window>,
    /// How many bytes of events it may still be sent.
    left: u64,
    /// How the run ended, or its segment; until something follows.
    ended: Option<Ended>,
    /// The last event that the client was sent.
    last: Option<Place>,
    detach: bool,
    /// What was asked for and isn't done.
    doing: Option<BoxFuture<'static, Result<Done>>>,
    /// What the client said since then.
    waiting: VecDeque<Utf8Bytes>,
    /// Since when nothing is under way.
    idle: Instant,
}

/// What was asked for.
enum Done {
    /// A run is there to be read; one that has nothing more to say gives no reader.
    Opened(Session, Option<Box<Reader>>, Option<Ended>),
    /// A suspended run goes on.
    Answered(Session, Box<Reader>),
    Cancelled,
}

/// That the conversation is over.
enum Over {
    Gone,
    Close(CloseCode, String),
    /// What the client said can't be done; it is told all of why, for a close has few words.
    Bad(String),
}

type Flow<T = ()> = Result<T, Over>;

/// What happens next.
enum Next {
    Said(Said),
    Event(Option<Result<Event>>),
    Done(Result<Done>),
    Idle,
    Closing,
}

impl Talk {
    pub(super) fn new(app: Arc<App>, caller: Caller, socket: Socket) -> Self {
        Self {
            closing: app.sessions.closing(),
            left: app.limits.output,
            app,
            caller,
            socket,
            run: None,
            reader: None,
            window: None,
            ended: None,
            last: None,
            detach: false,
            doing: None,
            waiting: VecDeque::new(),
            idle: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        let over = loop {
            let next = self.next().await;
            if let Err(over) = self.take(next) {
                break over;
            }
        };
        if let Over::Bad(why) = &over {
            let error = Error::new(ErrorKind::Input, why.as_str());
            self.say(&ServerMessage::error(&error));
        }
        // Who went takes an attached run along at once, however long the socket lasts.
        let Self {
            socket,
            run,
            reader,
            doing,
            ..
        } = self;
        drop((doing, reader, run));
        match over {
            Over::Gone => socket.leave().await,
            Over::Close(code, reason) => socket.close(code, &reason).await,
            Over::Bad(reason) => socket.close(CloseCode::BAD_MESSAGE, &reason).await,
        }
    }

    async fn next(&mut self) -> Next {
        let is_open = self.window.as_ref().is_none_or(Window::is_open);
        let reads = self.reader.is_some() && is_open && self.socket.is_clear();
        let is_doing = self.doing.is_some();
        let is_idle = !is_doing && self.reader.is_none();
        let idle = self.idle + self.app.limits.idle;
        tokio::select! {
            biased;
            said = self.socket.next() => Next::Said(said),
            done = pending_or(&mut self.doing), if is_doing => Next::Done(done),
            event = following(&mut self.reader), if reads => Next::Event(event),
            () = tokio::time::sleep_until(idle), if is_idle => Next::Idle,
            _ = self.closing.wait_for(|is_closing| *is_closing), if is_idle => Next::Closing,
        }
    }

    fn take(&mut self, next: Next) -> Flow {
        match next {
            Next::Said(Said::Clear) => Ok(()),
            Next::Said(Said::Gone) => Err(Over::Gone),
            Next::Said(Said::Fault(code, why)) => Err(Over::Close(code, why.to_owned())),
            Next::Said(Said::Binary) => Err(bad("messages are JSON, as text")),
            Next::Said(Said::Text(_)) if self.waiting.len() >= MESSAGES_WAITING => {
                Err(bad("too much is said before what was asked for is done"))
            }
            Next::Said(Said::Text(text)) => {
                self.waiting.push_back(text);
                self.hear()
            }
            Next::Event(event) => self.read(event),
            Next::Done(done) => {
                self.doing = None;
                self.done(done)?;
                self.hear()
            }
            Next::Idle => Err(self.over("nothing was said for too long")),
            Next::Closing => Err(Over::Close(
                CloseCode::SHUTDOWN,
                "the server shuts down".to_owned(),
            )),
        }
    }

    /// Does what was said, one after the other.
    fn hear(&mut self) -> Flow {
        while self.doing.is_none()
            && let Some(text) = self.waiting.pop_front()
        {
            self.heard(&text)?;
        }
        Ok(())
    }

    fn heard(&mut self, text: &str) -> Flow {
        if check_depth(text, &self.app.limits).is_err() {
            return Err(bad("the message's JSON is deeper than this server's limit"));
        }
        let message = ClientMessage::parse(text).map_err(|error| bad(error.message()))?;
        match message {
            ClientMessage::Start(start) => self.start(start),
            ClientMessage::Resume(resume) => self.resume(resume),
            ClientMessage::Input(input) => self.input(input.answers),
            ClientMessage::Cancel => self.cancel(),
            ClientMessage::Detach => match &self.run {
                Some(run) => {
                    run.detach();
                    self.detach = true;
                    Ok(())
                }
                None => Err(bad("there is no run to be detached")),
            },
            ClientMessage::Ack(ack) => {
                // Without a window it changes nothing.
                let window = self.window.as_mut();
                match window.is_none_or(|window| window.acknowledged(ack.seq)) {
                    true => Ok(()),
                    false => Err(bad("that event was never sent")),
                }
            }
            ClientMessage::Ping(ping) => {
                self.say(&ServerMessage::Pong { data: ping.data });
                Ok(())
            }
        }
    }

    /// Refuses what doesn't fit while a run is there.
    fn must_be_free(&self) -> Flow {
        if self.run.is_some() {
            return Err(bad("there is a run already; use another connection"));
        }
        Ok(())
    }

    fn start(&mut self, start: Start) -> Flow {
        self.must_be_free()?;
        self.window = start.window.map(Window::new);
        self.detach = start.detach;
        let mut options = self.caller.start_options();
        options.detach = start.detach;
        let app = self.app.clone();
        let doing = async move {
            let session = app
                .sessions
                .start(&start.name, start.input, options)
                .await?;
            app.metrics.run_started(session.name());
            let reader = session.attach(ReadFrom::Start).await?;
            Ok(Done::Opened(session, Some(Box::new(reader)), None))
        };
        self.doing = Some(doing.boxed());
        Ok(())
    }

    fn resume(&mut self, resume: Resume) -> Flow {
        self.must_be_free()?;
        self.window = resume.window.map(Window::new);
        self.last = resume.after;
        let (app, caller) = (self.app.clone(), self.caller.clone());
        self.doing = Some(opened(app, caller, resume.run, resume.after).boxed());
        Ok(())
    }

    fn input(&mut self, answers: Vec<Answer>) -> Flow {
        let is_suspended = self.ended.map(|ended| ended.outcome) == Some(Outcome::Suspended);
        let (Some(session), true) = (self.run.clone(), is_suspended) else {
            return Err(bad("there is no run here that waits for an answer"));
        };
        let (last, detach) = (self.last, self.detach);
        let doing = async move {
            let session = match detach {
                true => session.answer(answers).await?,
                false => session.answer_attached(answers).await?,
            };
            let from = last.map_or(ReadFrom::Start, ReadFrom::After);
            let reader = session.attach(from).await?;
            Ok(Done::Answered(session, Box::new(reader)))
        };
        self.doing = Some(doing.boxed());
        Ok(())
    }

    fn cancel(&mut self) -> Flow {
        let Some(session) = self.run.clone() else {
            return Err(bad("there is no run to be cancelled"));
        };
        let doing = async move {
            session.cancel().await?;
            Ok(Done::Cancelled)
        };
        self.doing = Some(doing.boxed());
        Ok(())
    }

    fn done(&mut self, done: Result<Done>) -> Flow {
        self.idle = Instant::now();
        match done {
            Ok(Done::Opened(session, reader, ended)) => {
                self.say(&ServerMessage::Started {
                    run: session.id().clone(),
                    name: session.name().into(),
                });
                self.run = Some(session);
                self.reader = reader;
                match ended {
                    Some(ended) => self.segment_ended(ended),
                    None => Ok(()),
                }
            }
            Ok(Done::Answered(session, reader)) => {
                self.run = Some(session);
                self.reader = Some(reader);
                self.ended = None;
                Ok(())
            }
            // A run that waited has its end now, and nobody reads it.
            Ok(Done::Cancelled) if self.reader.is_none() => self.read_on(),
            Ok(Done::Cancelled) => Ok(()),
            Err(error) => {
                self.say(&ServerMessage::error(&error));
                // Another answer may do; the run still waits.
                if self.ended.is_some() && error.kind() != ErrorKind::Store {
                    return Ok(());
                }
                Err(Over::Close(
                    faults::of_error(&error),
                    error.message().to_owned(),
                ))
            }
        }
    }

    /// Reads what follows the last event that the client has.
    fn read_on(&mut self) -> Flow {
        let Some(run) = &self.run else {
            return Ok(());
        };
        let (app, caller, id) = (self.app.clone(), self.caller.clone(), run.id().clone());
        let after = self.last;
        let doing = async move {
            match opened(app, caller, id, after).await? {
                Done::Opened(session, Some(reader), _) => Ok(Done::Answered(session, reader)),
                other => Ok(other),
            }
        };
        self.doing = Some(doing.boxed());
        Ok(())
    }

    fn read(&mut self, mut event: Option<Result<Event>>) -> Flow {
        for left in (0..EVENTS_AT_ONCE).rev() {
            match event {
                Some(Ok(event)) => self.show(&event)?,
                Some(Err(error)) => {
                    self.say(&ServerMessage::error(&error));
                    let code = faults::of_broken(&error);
                    return Err(Over::Close(code, error.message().to_owned()));
                }
                None => return self.ended_here(),
            }
            let is_open = self.window.as_ref().is_none_or(Window::is_open);
            if left == 0 || !is_open {
                break;
            }
            match following(&mut self.reader).now_or_never() {
                Some(next) => event = next,
                None => break,
            }
        }
        Ok(())
    }

    fn show(&mut self, event: &Event) -> Flow {
        let message = match Frame::of(event) {
            Some(Frame::Text(json)) => match json.try_into() {
                Ok(text) => Message::Text(text),
                Err(_) => return Err(unwritable()),
            },
            Some(Frame::Binary(bytes)) => Message::Binary(bytes),
            None => return Err(unwritable()),
        };
        let length = match &message {
            Message::Text(text) => text.as_str().len(),
            Message::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        let Some(left) = self.left.checked_sub(length as u64) else {
            let why = "this connection was told as much as one may be; come back with `resume`";
            return Err(Over::Close(CloseCode::BROKEN, why.to_owned()));
        };
        self.left = left;
        self.app.metrics.sent_bytes.inc_by(length as u64);
        self.socket.send(message);
        self.last = Some(event.place());
        self.ended = Ended::of(event);
        if let Some(window) = &mut self.window {
            window.sent(event.seq);
        }
        Ok(())
    }

    /// The reader has nothing more.
    fn ended_here(&mut self) -> Flow {
        self.reader = None;
        match self.ended {
            Some(ended) => self.segment_ended(ended),
            None => Err(Over::Close(
                CloseCode::BROKEN,
                "the events stopped without an end".to_owned(),
            )),
        }
    }

    /// Says how the run ended. One that waits for answers may go on here; others close the socket.
    fn segment_ended(&mut self, ended: Ended) -> Flow {
        self.ended = Some(ended);
        self.idle = Instant::now();
        self.say(&ServerMessage::end(&ended));
        match ended.outcome {
            Outcome::Suspended => Ok(()),
            _ => Err(self.over(ended.outcome.as_str())),
        }
    }

    fn over(&self, reason: &str) -> Over {
        let code = match self.ended {
            Some(ended) => ended.outcome.into(),
            None => CloseCode::BAD_MESSAGE,
        };
        Over::Close(code, reason.to_owned())
    }

    fn say(&mut self, message: &ServerMessage) {
        if let Frame::Text(json) = message.to_message()
            && let Ok(text) = json.try_into()
        {
            self.socket.send(Message::Text(text));
        }
    }
}

/// A run by its id, and what follows a place.
async fn opened(app: Arc<App>, caller: Caller, id: RunId, after: Option<Place>) -> Result<Done> {
    let no_such_run = || {
        let message = "there is no run of this id that you may see";
        Error::new(ErrorKind::NotFound, message)
    };
    let session = match app.sessions.open(&id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(no_such_run()),
        session => session?,
    };
    if !caller.principal.may_see(session.owner()) {
        return Err(no_such_run());
    }
    let session = caller.going_on_with(session);
    let state = session.state().await?;
    if let (Some(outcome), Some(place)) = (reading::outcome(&state), state.last)
        && reading::left(&state, after) != Left::Events
    {
        return Ok(Done::Opened(session, None, Some(Ended { outcome, place })));
    }
    let from = after.map_or(ReadFrom::Start, ReadFrom::After);
    let reader = session.attach(from).await?;
    Ok(Done::Opened(session, Some(Box::new(reader)), None))
}

async fn following(reader: &mut Option<Box<Reader>>) -> Option<Result<Event>> {
    match reader {
        Some(reader) => reader.next().await,
        None => std::future::pending().await,
    }
}

async fn pending_or(doing: &mut Option<BoxFuture<'static, Result<Done>>>) -> Result<Done> {
    match doing {
        Some(doing) => doing.await,
        None => std::future::pending().await,
    }
}

fn bad(why: &str) -> Over {
    Over::Bad(why.to_owned())
}

fn unwritable() -> Over {
    Over::Close(CloseCode::BROKEN, "an event can't be written".to_owned())
}
