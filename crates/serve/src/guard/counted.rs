//! A response's body that is counted while it is sent.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::OwnedSemaphorePermit;

/// It counts as a request under way until it is dropped, and is cut when it gets too long.
pub(crate) struct Counted {
    body: Body,
    left: u64,
    sent: Counter,
    _permit: OwnedSemaphorePermit,
}

impl Counted {
    pub(crate) fn new(body: Body, most: u64, sent: Counter, permit: OwnedSemaphorePermit) -> Self {
        Self {
            body,
            left: most,
            sent,
            _permit: permit,
        }
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let Some(frame) = frame.transpose()? else {
            return Poll::Ready(None);
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => {
                let why = "the response is longer than this server's limit";
                return Poll::Ready(Some(Err(io::Error::other(why).into())));
            }
        }
        self.sent.inc_by(length);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_is_too_long_is_cut() {
        let permits = Arc::new(Semaphore::new(1));
        for (most, whole) in [(5, true), (4, false)] {
            let permit = permits.clone().try_acquire_owned().unwrap();
            let sent = Counter::default();
            let body = Counted::new(Body::from("abcde"), most, sent.clone(), permit);
            assert_eq!(permits.available_permits(), 0);
            assert_eq!(body.collect().await.is_ok(), whole);
            assert_eq!(sent.get(), if whole { 5 } else { 0 });
            assert_eq!(permits.available_permits(), 1);
        }
    }
}
