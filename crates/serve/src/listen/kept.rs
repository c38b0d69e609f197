//! A body that keeps something until it is dropped.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    #[derive(Debug)]
    pub(super) struct Kept<B, K> {
        #[pin]
        body: B,
        kept: K,
    }
}

impl<B, K> Kept<B, K> {
    pub(super) fn new(body: B, kept: K) -> Self {
        Self { body, kept }
    }
}

impl<B: Body, K> Body for Kept<B, K> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
