//! Mainstem without an agent: the events of a model.

use anyhow::Result;
use futures::StreamExt;
use mainstem::{Message, Model, ModelEvent, ModelRequest, ModelStream, models::ChatCompletions};

use crate::{
    errand::Kind,
    reader::{Pieces, Reader},
    script::Script,
};

#[derive(Clone)]
pub(crate) struct ModelReader(ChatCompletions);

pub(crate) struct ModelPieces(ModelStream);

/// The model that answers with a script.
pub(crate) fn model(url: &str, script: Script) -> Result<ChatCompletions> {
    Ok(ChatCompletions::builder(script.to_string())
        .base_url(url)
        .build()?)
}

impl Reader for ModelReader {
    type Pieces = ModelPieces;

    const KIND: Kind = Kind::Model;

    fn new(url: &str, script: Script) -> Result<Self> {
        Ok(Self(model(url, script)?))
    }

    async fn open(&self) -> Result<ModelPieces> {
        let request = ModelRequest::new(vec![Message::user("Why is the sky blue?")]);
        Ok(ModelPieces(self.0.stream(request)))
    }
}

impl Pieces for ModelPieces {
    async fn next(&mut self) -> Result<Option<u64>> {
        while let Some(event) = self.0.next().await {
            if let ModelEvent::Text(text) = event? {
                return Ok(Some(text.len() as u64));
            }
        }
        Ok(None)
    }
}
