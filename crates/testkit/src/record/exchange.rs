use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::request::Request;
use crate::{Chunk, Ending, Exchange, Framing};

/// An exchange while it goes on.
pub(super) struct Growing {
    since: Instant,
    exchange: Exchange,
}

impl Growing {
    /// Begins with a request.
    pub(super) fn new(request: &Request) -> Self {
        Self {
            since: Instant::now(),
            exchange: Exchange {
                method: request.method.clone(),
                target: request.target.clone(),
                headers: request.headers.clone(),
                body: request.body.clone(),
                status: 0,
                response_headers: Vec::new(),
                framing: Framing::Chunked,
                head_at: Duration::ZERO,
                chunks: Vec::new(),
                ending: Ending::Whole,
                ended_at: Duration::ZERO,
            },
        }
    }

    /// Adds the head of the answer.
    pub(super) fn head(&mut self, status: u16, headers: Vec<(String, String)>, framing: Framing) {
        self.exchange.status = status;
        self.exchange.response_headers = headers;
        self.exchange.framing = framing;
        self.exchange.head_at = self.since.elapsed();
    }

    /// Adds a piece of the answer's body.
    pub(super) fn chunk(&mut self, data: Bytes) {
        let at = self.since.elapsed();
        self.exchange.chunks.push(Chunk { at, data });
    }

    /// Ends it.
    pub(super) fn end(mut self, ending: Ending) -> Exchange {
        self.exchange.ending = ending;
        self.exchange.ended_at = self.since.elapsed();
        self.exchange
    }
}
