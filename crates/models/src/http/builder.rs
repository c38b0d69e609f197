use std::{fmt, sync::Arc, time::Duration};

use async_openai::config::{AzureConfig, Config, OpenAIConfig};
use mainstem_core::{Error, ErrorKind, OutputMode, Result, Text};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Server, failure};
use crate::{
    Provider,
    address::{Variables, set},
    key::{Key, KeyHeader},
};

/// A key, or the variable that has it.
enum KeySource {
    Key(Key),
    Variable(Text),
}

/// An API over HTTP: the model that speaks it.
pub trait Api {
    /// What can be set for it alone.
    #[doc(hidden)]
    type Options: Default;
}

/// What differs between APIs before a request is written.
#[derive(Debug)]
pub(crate) struct Protocol {
    /// What is added to a provider's name in addresses.
    pub(crate) suffix: &'static str,
    /// What is added to the base URL.
    pub(crate) path: &'static str,
    /// Whether Azure's deployment stands in the path.
    pub(crate) names_deployment: bool,
    /// What an answer must have to be complete, in words.
    pub(crate) end: &'static str,
    /// What to look at when the server knows nothing of it, beside the usual.
    pub(crate) not_found: &'static str,
    /// The model's builder, as it is written in Rust.
    pub(crate) builder: &'static str,
}

/// Sets up a model: [`ChatCompletions`](crate::ChatCompletions), or [`Responses`](crate::Responses).
#[must_use = "a model is made by `build`"]
pub struct ModelBuilder<A: Api> {
    model: String,
    provider: Option<Provider>,
    base_url: Option<String>,
    key: Option<KeySource>,
    config: Option<Arc<dyn Config>>,
    headers: Vec<(String, String)>,
    client: Option<reqwest::Client>,
    streaming: bool,
    output_mode: Option<OutputMode>,
    pub(crate) options: A::Options,
}

impl<A: Api> ModelBuilder<A> {
    pub(crate) fn new(model: String) -> Self {
        Self {
            model,
            provider: None,
            base_url: None,
            key: None,
            config: None,
            headers: Vec::new(),
            client: None,
            streaming: true,
            output_mode: None,
            options: A::Options::default(),
        }
    }

    /// Names who serves the model: base URL and key then come from the environment, where they
    /// aren't given, and the provider's own ways are heeded.
    ///
    /// Without a provider, a base URL is needed.
    pub fn provider(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Sets the base URL, to which the API's path is added (`/chat/completions`, or `/responses`):
    /// `http://localhost:8000/v1`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the key. It is never shown.
    pub fn api_key(mut self, key: impl AsRef<str>) -> Self {
        self.key = Some(KeySource::Key(Key::fixed(key.as_ref())));
        self
    }

    /// Takes the key from an environment variable, when the model is built.
    ///
    /// Errors then name the variable. One that isn't set is an error of [`build`](Self::build).
    ///
    /// ```
    /// use mainstem_models::ChatCompletions;
    ///
    /// let model = ChatCompletions::builder("qwen3")
    ///     .base_url("http://localhost:8000/v1")
    ///     .api_key_variable("NO_SUCH_VARIABLE");
    /// assert!(model.build().unwrap_err().message().contains("NO_SUCH_VARIABLE"));
    /// ```
    pub fn api_key_variable(mut self, name: impl Into<Text>) -> Self {
        self.key = Some(KeySource::Variable(name.into()));
        self
    }

    /// Asks for the key before each request: for keys that change.
    ///
    /// An error of the provider is the request's error.
    pub fn api_key_from<F, Fut>(mut self, provider: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String>> + Send + 'static,
    {
        self.key = Some(KeySource::Key(Key::provided(provider)));
        self
    }

    /// Uses async-openai's configuration: its URL, query, headers and key.
    ///
    /// Then a base URL isn't needed; a key that is given here goes before the configuration's.
    pub fn config(mut self, config: impl Config + 'static) -> Self {
        self.config = Some(Arc::new(config));
        self
    }

    /// Adds a header to every request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Uses a client of the application's own: its proxy, its certificates, its pool.
    ///
    /// By default the model has one that gives up connecting after 10 seconds, and follows no
    /// redirects: these would take key headers and prompts to another host.
    pub fn client(mut self, client: reqwest::Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Asks for whole answers instead of streams; true, for streams, by default.
    ///
    /// The events are the same, with all of the text in one piece.
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.streaming = streaming;
        self
    }

    /// How the model is held to an output schema, where the agent doesn't say.
    ///
    /// By default: strict for OpenAI and Azure (plain, where strict mode can't say the schema), a
    /// forced tool for Anthropic, plain for all others.
    pub fn output_mode(mut self, mode: OutputMode) -> Self {
        self.output_mode = Some(mode);
        self
    }

    /// The server, and what was set for its API alone.
    pub(crate) fn server(
        self,
        protocol: &'static Protocol,
        variables: Variables<'_>,
    ) -> Result<(Server, A::Options)> {
        let provider = self.provider.unwrap_or(Provider::Other);
        let id = match self.provider {
            Some(provider) => format!("{}{}://{}", provider.name(), protocol.suffix, self.model),
            None => self.model.clone(),
        };
        let (config, configured_key) = match self.config {
            Some(config) => {
                use secrecy::ExposeSecret;
                let key = Key::configured(config.api_key().expose_secret())?;
                (config, Some(key))
            }
            None => {
                let base_url = base_url(provider, &self.model, self.base_url, variables)?;
                let config = config_of(provider, protocol, &self.model, &base_url, variables)?;
                (config, None)
            }
        };
        let key_in = |names: &[&str]| key_in(names, &id, protocol, variables);
        let key = match (self.key, configured_key) {
            (Some(KeySource::Key(key)), _) | (None, Some(key)) => key,
            (Some(KeySource::Variable(name)), _) => key_in(&[&name])?,
            (None, None) => match provider.facts().key_variables {
                [] => Key::None,
                names => key_in(names)?,
            },
        };
        check_url(&config.url(protocol.path))?;
        let client = match self.client {
            Some(client) => client,
            None => default_client()?,
        };
        let server = Server {
            id,
            model: self.model,
            protocol,
            provider,
            host: failure::host(config.api_base()),
            key_header: KeyHeader::of(&config.headers()),
            config,
            key,
            headers: headers(&self.headers)?,
            client,
            streaming: self.streaming,
            output_mode: self.output_mode,
        };
        Ok((server, self.options))
    }
}

fn config_error(message: impl Into<mainstem_core::Text>) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// The key of the first of these variables that is set.
fn key_in(names: &[&str], id: &str, protocol: &Protocol, variables: Variables<'_>) -> Result<Key> {
    let found = names
        .iter()
        .find_map(|name| Some((Text::from(*name), set(variables, name)?)));
    match found {
        Some((name, key)) => Ok(Key::Variable(name, key.into())),
        None => Err(config_error(format!(
            "`{id}` needs a key: set the environment variable {} (a program may also give one to \
             `{}`)",
            names.join(" or "),
            protocol.builder
        ))),
    }
}

/// Where a provider is: as given, else as the environment says, else where it always is.
fn base_url(
    provider: Provider,
    model: &str,
    given: Option<String>,
    variables: Variables<'_>,
) -> Result<String> {
    let facts = provider.facts();
    let in_variables = || {
        let mut names = facts.url_variables.iter();
        names.find_map(|name| set(variables, name))
    };
    let base_url = given
        .or_else(in_variables)
        .or_else(|| facts.base_url.map(str::to_owned));
    if let Some(base_url) = base_url {
        return Ok(base_url.trim_end_matches('/').to_owned());
    }
    let mend = match facts.url_variables {
        [] => "give one to the builder by `base_url`, or name a `provider`".to_owned(),
        names => format!(
            "set the environment variable {} (a program may also give one by `base_url`)",
            names.join(" or ")
        ),
    };
    Err(config_error(format!(
        "model `{model}` has no base URL: {mend}"
    )))
}

/// The configuration of a provider, in async-openai's terms.
///
/// The key is put into the headers by us, and isn't in it.
fn config_of(
    provider: Provider,
    protocol: &Protocol,
    model: &str,
    base_url: &str,
    variables: Variables<'_>,
) -> Result<Arc<dyn Config>> {
    let is_azure = provider == Provider::Azure;
    if is_azure && protocol.names_deployment {
        let version =
            set(variables, "OPENAI_API_VERSION").unwrap_or_else(|| "2024-10-21".to_owned());
        let config = AzureConfig::new()
            .with_api_base(base_url)
            .with_deployment_id(model)
            .with_api_version(version)
            .with_api_key("");
        return Ok(Arc::new(config));
    }
    // The newer APIs of Azure have the paths of OpenAI.
    let root = if is_azure && !base_url.ends_with("/v1") {
        "/openai/v1"
    } else {
        ""
    };
    let config = OpenAIConfig::new()
        .with_api_base(format!("{base_url}{root}"))
        .with_api_key("")
        .with_org_id(organization(provider, "OPENAI_ORG_ID", variables)?)
        .with_project_id(organization(provider, "OPENAI_PROJECT_ID", variables)?);
    Ok(Arc::new(config))
}

/// OpenAI's own headers are for OpenAI alone.
fn organization(provider: Provider, name: &str, variables: Variables<'_>) -> Result<String> {
    let value = match provider {
        Provider::OpenAi => set(variables, name).unwrap_or_default(),
        _ => String::new(),
    };
    match HeaderValue::try_from(&value) {
        Ok(_) => Ok(value),
        Err(_) => Err(config_error(format!(
            "{name} has characters that can't stand in a header"
        ))),
    }
}

fn check_url(url: &str) -> Result<()> {
    let parsed = reqwest::Url::parse(url).map_err(|error| {
        config_error("the model's base URL is malformed; it looks like `http://localhost:8000/v1`")
            .with_source(error)
    })?;
    match parsed.scheme() {
        "http" | "https" => Ok(()),
        _ => Err(config_error(
            "the model's base URL must begin with http:// or https://",
        )),
    }
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let Ok(header) = HeaderName::try_from(name) else {
            return Err(config_error(format!(
                "`{name}` can't be the name of a header"
            )));
        };
        let Ok(mut value) = HeaderValue::try_from(value) else {
            return Err(config_error(format!(
                "the value of header `{name}` has characters that can't stand in a header"
            )));
        };
        value.set_sensitive(true);
        headers.append(header, value);
    }
    Ok(headers)
}

fn default_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        // Followed to another host, it would take the key and the prompt there.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| config_error("the HTTP client can't be made").with_source(error))
}

impl<A: Api> fmt::Debug for ModelBuilder<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelBuilder")
            .field("model", &self.model)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
