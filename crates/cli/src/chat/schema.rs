//! The schema of `--json-schema`.

use std::path::{Path, PathBuf};

use mainstem::{Agent, AgentBuilder, Error, ErrorKind};
use serde_json::Value;

pub(super) struct Schema {
    file: PathBuf,
    value: Value,
}

impl Schema {
    pub(super) fn read(file: &Path) -> Result<Self, Error> {
        let bytes =
            std::fs::read(file).map_err(|cause| error(file, "can't be read").with_source(cause))?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|cause| error(file, "isn't JSON").with_source(cause))?;
        Ok(Self {
            file: file.to_owned(),
            value,
        })
    }

    /// An agent whose output fits the schema.
    pub(super) fn typed(&self, agent: AgentBuilder) -> Result<Agent<Value>, Error> {
        let agent = agent.output_schema(self.value.clone()).build();
        agent.map_err(|cause| error(&self.file, "can't be used").with_source(cause))
    }
}

fn error(file: &Path, what: &str) -> Error {
    let message = format!("the JSON schema in {} {what}", file.display());
    Error::new(ErrorKind::Config, message)
}
