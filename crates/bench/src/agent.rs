//! Mainstem as applications use it: the text of an agent's run.

use anyhow::Result;
use mainstem::{Agent, RunStream};

use crate::{
    errand::Kind,
    model::model,
    reader::{Pieces, Reader},
    script::Script,
};

#[derive(Clone)]
pub(crate) struct AgentReader(Agent);

pub(crate) struct AgentPieces(RunStream<String>);

impl Reader for AgentReader {
    type Pieces = AgentPieces;

    const KIND: Kind = Kind::Agent;

    fn new(url: &str, script: Script) -> Result<Self> {
        Ok(Self(Agent::builder(model(url, script)?).build()?))
    }

    async fn open(&self) -> Result<AgentPieces> {
        Ok(AgentPieces(self.0.run_streamed("Why is the sky blue?")))
    }
}

impl Pieces for AgentPieces {
    async fn next(&mut self) -> Result<Option<u64>> {
        let text = self.0.next_text().await?;
        Ok(text.map(|text| text.len() as u64))
    }
}
