use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// Where a model's key comes from. Never shown by `Debug`.
#[derive(Clone)]
pub(crate) enum Key {
    None,
    Fixed(Arc<str>),
    Provider(Provider),
}

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
            Self::Fixed(key) => Ok(Some(Arc::clone(key))),
            Self::Provider(provider) => Ok(Some(provider().await?.trim().into())),
        }
    }
}

impl KeyHeader {
    pub(crate) fn set(self, headers: &mut HeaderMap, key: &str) -> Result<()> {
        let (name, value) = match self {
            Self::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            Self::ApiKey => (HeaderName::from_static("api-key"), key.to_owned()),
        };
        let Ok(mut value) = HeaderValue::try_from(value) else {
            return Err(Error::new(
                ErrorKind::Config,
                "the API key has characters that can't stand in a header; look for line ends in it",
            ));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Key::None",
            Self::Fixed(_) => "Key::Fixed(..)",
            Self::Provider(_) => "Key::Provider(..)",
        })
    }
}
