//! A client of plain pieces: each message is an input, and gets the text of a run, then `[COMPLETE]`.

use axum::extract::ws::{Message, Utf8Bytes};
use futures::StreamExt;
use mainstem_core::{Error, Json, Result};

use super::{
    faults,
    socket::{Said, Socket},
};
use crate::{
    ReadFrom, Reader,
    guard::Caller,
    routes::App,
    wire::{
        Ended,
        ws::{ChunkMessage, CloseCode, TextChunks},
    },
};

/// How a conversation with such a client ends.
enum Over {
    Gone,
    Close(CloseCode, String),
}

pub(super) async fn talk(app: &App, caller: &Caller, mut socket: Socket, run: &str) {
    let over = loop {
        if let Err(over) = one(app, caller, &mut socket, run).await {
            break over;
        }
    };
    match over {
        Over::Gone => socket.leave().await,
        Over::Close(code, reason) => socket.close(code, &reason).await,
    }
}

/// One message, and what a run says to it.
async fn one(app: &App, caller: &Caller, socket: &mut Socket, run: &str) -> Result<(), Over> {
    let mut closing = app.sessions.closing();
    let input = loop {
        let silence = tokio::time::timeout(app.limits.idle, heard(socket));
        let silence = tokio::select! {
            biased;
            silence = silence => silence,
            _ = closing.wait_for(|is_closing| *is_closing) => {
                let why = "the server shuts down".to_owned();
                return Err(Over::Close(CloseCode::SHUTDOWN, why));
            }
        };
        match silence {
            Ok(said) => break said?,
            Err(_) if socket.is_clear() => {
                let why = "nothing was said for too long".to_owned();
                return Err(Over::Close(CloseCode::FINISHED, why));
            }
            Err(_) => {}
        }
    };
    let mut reader = begin(app, caller, run, &input)
        .await
        .map_err(|error| refused(&error))?;
    let mut chunks = TextChunks::new();
    let mut ended = None;
    loop {
        let event = tokio::select! {
            biased;
            said = socket.next() => match said {
                Said::Clear => continue,
                Said::Gone => return Err(Over::Gone),
                Said::Fault(code, why) => return Err(Over::Close(code, why.to_owned())),
                Said::Text(_) | Said::Binary => {
                    let why = "the run before isn't complete".to_owned();
                    return Err(Over::Close(CloseCode::BAD_MESSAGE, why));
                }
            },
            event = reader.next(), if socket.is_clear() => event,
        };
        let said = match event {
            Some(Ok(event)) => {
                ended = Ended::of(&event).or(ended);
                chunks.fold(&event)
            }
            Some(Err(error)) => return Err(refused(&error)),
            None => {
                let said = ended.map(|ended| chunks.close(&ended));
                let broken = ChunkMessage::Close(CloseCode::BROKEN);
                put(socket, Some(said.unwrap_or(broken)))?;
                return Ok(());
            }
        };
        put(socket, said)?;
    }
}

fn put(socket: &mut Socket, said: Option<ChunkMessage>) -> Result<(), Over> {
    match said {
        None => Ok(()),
        Some(ChunkMessage::Piece(text)) => {
            socket.send(Message::Text(text.as_str().into()));
            Ok(())
        }
        Some(ChunkMessage::Close(code)) => {
            let why = "the run didn't finish".to_owned();
            Err(Over::Close(code, why))
        }
    }
}

async fn heard(socket: &mut Socket) -> Result<Utf8Bytes, Over> {
    loop {
        match socket.next().await {
            Said::Text(text) => return Ok(text),
            Said::Clear => {}
            Said::Gone => return Err(Over::Gone),
            Said::Fault(code, why) => return Err(Over::Close(code, why.to_owned())),
            Said::Binary => {
                let why = "an input is a text".to_owned();
                return Err(Over::Close(CloseCode::BAD_MESSAGE, why));
            }
        }
    }
}

async fn begin(app: &App, caller: &Caller, run: &str, input: &str) -> Result<Reader> {
    let options = caller.start_options();
    let session = app.sessions.start(run, Json::new(input)?, options).await?;
    app.metrics.run_started(session.name());
    session.attach(ReadFrom::Start).await
}

fn refused(error: &Error) -> Over {
    Over::Close(faults::of_error(error), error.message().to_owned())
}
