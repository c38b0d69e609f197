//! The floor: reqwest's chunks of bytes.

use std::pin::Pin;

use anyhow::Result;
use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::{
    errand::Kind,
    open::Request,
    reader::{Pieces, Reader},
    script::Script,
};

#[derive(Clone)]
pub(crate) struct Raw(Request);

type Chunks = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

pub(crate) struct RawPieces(Chunks);

impl Reader for Raw {
    type Pieces = RawPieces;

    const KIND: Kind = Kind::Raw;

    fn new(url: &str, script: Script) -> Result<Self> {
        Ok(Self(Request::new(url, script)?))
    }

    async fn open(&self) -> Result<RawPieces> {
        Ok(RawPieces(Box::pin(self.0.send().await?.bytes_stream())))
    }
}

impl Pieces for RawPieces {
    async fn next(&mut self) -> Result<Option<u64>> {
        let chunk = self.0.next().await.transpose()?;
        Ok(chunk.map(|chunk| chunk.len() as u64))
    }
}
