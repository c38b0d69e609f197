use std::sync::Arc;

use async_openai::config::Config;
use mainstem_core::{OutputMode, OutputSpec, Result};
use reqwest::header::HeaderMap;

use super::Protocol;
use crate::{
    Provider,
    key::{Key, KeyHeader},
    output::Held,
};

/// A model's server: where it is, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Server {
    /// The model's id.
    pub(crate) id: String,
    /// The model's name, as the server knows it.
    pub(crate) model: String,
    pub(crate) protocol: &'static Protocol,
    pub(crate) provider: Provider,
    /// Host and port, as far as they are known.
    pub(crate) host: Option<String>,
    pub(crate) config: Arc<dyn Config>,
    pub(crate) key: Key,
    pub(crate) key_header: KeyHeader,
    pub(crate) headers: HeaderMap,
    pub(crate) client: reqwest::Client,
    pub(crate) streaming: bool,
    /// How the model is held to a schema, where the agent doesn't say.
    pub(crate) output_mode: Option<OutputMode>,
}

impl Server {
    pub(crate) fn output_mode(&self, output: &OutputSpec) -> OutputMode {
        let asked = output.mode.or(self.output_mode);
        asked.unwrap_or_else(|| self.provider.output_mode())
    }

    /// Holds the model to an output.
    pub(crate) fn hold_to(&self, output: &OutputSpec) -> Result<Held> {
        let asked = output.mode.or(self.output_mode);
        Held::to(output, self.output_mode(output), asked)
    }

    /// Whose `provider_data` goes back to this model.
    pub(crate) fn data_origin(&self) -> &str {
        match (self.provider, &self.host) {
            (Provider::Other, Some(host)) => host,
            (provider, _) => provider.name(),
        }
    }
}
