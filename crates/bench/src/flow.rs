//! The same text two flows deep, as applications nest them.

use anyhow::Result;
use mainstem::{Agent, Flow, RunStream};

use crate::{
    errand::Kind,
    model::model,
    reader::{Pieces, Reader},
    script::Script,
};

#[derive(Clone)]
pub(crate) struct FlowReader(Flow<String, (String, usize)>);

pub(crate) struct FlowPieces(RunStream<(String, usize)>);

impl Reader for FlowReader {
    type Pieces = FlowPieces;

    const KIND: Kind = Kind::Flow;

    fn new(url: &str, script: Script) -> Result<Self> {
        let agent = Agent::builder(model(url, script)?).build()?;
        let inner = Flow::new("inner").step("write", agent);
        let flow = Flow::new("bench")
            .step("trim", |text: String| text.trim().to_owned())
            .parallel("views", (inner, |text: String| text.len()));
        Ok(Self(flow))
    }

    async fn open(&self) -> Result<FlowPieces> {
        Ok(FlowPieces(self.0.run_streamed("Why is the sky blue?")))
    }
}

impl Pieces for FlowPieces {
    async fn next(&mut self) -> Result<Option<u64>> {
        let text = self.0.next_text().await?;
        Ok(text.map(|text| text.len() as u64))
    }
}
