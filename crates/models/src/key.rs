use std::{borrow::Cow, fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, Result, Text};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// Where a model's key comes from. Never shown by `Debug`.
#[derive(Clone)]
pub(crate) enum Key {
    None,
    Fixed(Arc<str>),
    /// That of an environment variable, as it was when the model was made.
    Variable(Text, Arc<str>),
    /// That of async-openai's configuration, which puts it into the headers itself.
    Configured(Arc<str>),
    Provider(Provider),
}

const API_KEY: HeaderName = HeaderName::from_static("api-key");

type Provider = Arc<dyn Fn() -> BoxFuture<'static, Result<String>> + Send + Sync>;

/// Which header carries the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyHeader {
    /// `authorization: Bearer …`
    Bearer,
    /// `api-key: …`, as Azure has it.
    ApiKey,
}

impl Key {
    pub(crate) fn fixed(key: &str) -> Self {
        match key.trim() {
            "" => Self::None,
            key => Self::Fixed(key.into()),
        }
    }

    /// The key of a configuration.
    ///
    /// Without this check a key with line ends makes the configuration panic.
    pub(crate) fn configured(key: &str) -> Result<Self> {
        match HeaderValue::from_str(key) {
            Ok(_) => Ok(Self::Configured(key.into())),
            Err(_) => Err(unfit()),
        }
    }

    pub(crate) fn provided<F, Fut>(provider: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String>> + Send + 'static,
    {
        Self::Provider(Arc::new(move || provider().boxed()))
    }

    /// The key, as it is at this moment.
    pub(crate) async fn get(&self) -> Result<Option<Arc<str>>> {
        match self {
            Self::None => Ok(None),
            Self::Configured(key) if key.is_empty() => Ok(None),
            Self::Fixed(key) | Self::Variable(_, key) | Self::Configured(key) => {
                Ok(Some(Arc::clone(key)))
            }
            Self::Provider(provider) => Ok(Some(provider().await?.trim().into())),
        }
    }

    /// Where it comes from, for whoever has to change it.
    pub(crate) fn origin(&self) -> Cow<'static, str> {
        match self {
            Self::None => "no key was given".into(),
            Self::Configured(key) if key.is_empty() => "no key was given".into(),
            Self::Fixed(_) => "its key is the one that `api_key` was given".into(),
            Self::Variable(name, _) => format!("its key is that of the variable {name}").into(),
            Self::Configured(_) => "its key is that of the configuration".into(),
            Self::Provider(_) => "its key came from the function given to `api_key_from`".into(),
        }
    }
}

impl KeyHeader {
    /// The header that a configuration puts its key into.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(API_KEY) && !headers.contains_key(AUTHORIZATION) {
            Self::ApiKey
        } else {
            Self::Bearer
        }
    }

    fn name(self) -> HeaderName {
        match self {
            Self::Bearer => AUTHORIZATION,
            Self::ApiKey => API_KEY,
        }
    }

    /// Puts a key in the place of the configuration's.
    pub(crate) fn replace(self, headers: &mut HeaderMap, key: Option<&str>) -> Result<()> {
        headers.remove(self.name());
        let Some(key) = key else { return Ok(()) };
        let value = match self {
            Self::Bearer => format!("Bearer {key}"),
            Self::ApiKey => key.to_owned(),
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| unfit())?;
        value.set_sensitive(true);
        headers.insert(self.name(), value);
        Ok(())
    }

    /// Takes the header out, if no key is in it.
    pub(crate) fn remove_empty(self, headers: &mut HeaderMap) {
        let value = headers.get(self.name()).map(HeaderValue::as_bytes);
        if matches!(value.map(<[u8]>::trim_ascii), Some(b"" | b"Bearer")) {
            headers.remove(self.name());
        }
    }
}

fn unfit() -> Error {
    Error::new(
        ErrorKind::Config,
        "the API key has characters that can't stand in a header; look for line ends in it",
    )
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Key::None",
            Self::Fixed(_) => "Key::Fixed(..)",
            Self::Variable(..) => "Key::Variable(..)",
            Self::Configured(_) => "Key::Configured(..)",
            Self::Provider(_) => "Key::Provider(..)",
        })
    }
}
