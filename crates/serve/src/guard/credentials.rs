//! Who sends a request.

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, header};
use mainstem_core::{Result, Text};
use subtle::ConstantTimeEq;

use super::{Principal, cookie};

/// What a request brings to say who sends it.
///
/// [`Server::credentials`](crate::Server::credentials) gives it to the application's own function. Its
/// `Debug` shows neither the token nor the headers.
#[derive(Clone)]
pub struct Credentials {
    bearer: Option<Text>,
    headers: HeaderMap,
}

impl Credentials {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let bearer = bearer(headers).or_else(|| cookie::read(headers));
        Self {
            bearer: bearer.map(Text::from),
            headers: headers.clone(),
        }
    }

    /// The token: of the header `authorization: Bearer TOKEN`, or else of the cookie that
    /// `POST /session` gives in exchange for it.
    pub fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    /// Whether the token is this one; how long the comparison takes doesn't tell where they differ.
    ///
    /// It does tell whether they are of one length.
    pub fn is(&self, token: &str) -> bool {
        self.bearer
            .as_ref()
            .is_some_and(|it| it.as_bytes().ct_eq(token.as_bytes()).into())
    }

    /// A header of the request, such as a proxy in front sets it, if it is there once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("bearer", &self.bearer.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    is_bearer.then_some(token)
}

type Hook = dyn Fn(Credentials) -> BoxFuture<'static, Result<Option<Principal>>> + Send + Sync;

/// The application's function from credentials to whoever they are of.
#[derive(Clone)]
pub(crate) struct CredentialsHook(Arc<Hook>);

impl CredentialsHook {
    pub(crate) fn new<F, Fut>(hook: F) -> Self
    where
        F: Fn(Credentials) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Principal>>> + Send + 'static,
    {
        Self(Arc::new(move |credentials| hook(credentials).boxed()))
    }

    /// One token for all: whoever has it is the principal.
    pub(crate) fn token(token: &str, principal: Principal) -> Self {
        let token = Text::from(token);
        Self::new(move |credentials| {
            let is_it = !token.is_empty() && credentials.is(&token);
            let principal = is_it.then(|| principal.clone());
            async move { Ok(principal) }
        })
    }

    pub(crate) fn call(
        &self,
        credentials: Credentials,
    ) -> BoxFuture<'static, Result<Option<Principal>>> {
        (self.0)(credentials)
    }
}

impl fmt::Debug for CredentialsHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsHook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(said: &[(&'static str, &str)]) -> Credentials {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(*name, value.parse().unwrap());
        }
        Credentials::of(&headers)
    }

    #[test]
    fn a_token_comes_by_header_or_cookie() {
        let of = |value| credentials(&[("authorization", value)]);
        assert_eq!(of("Bearer abc").bearer(), Some("abc"));
        assert_eq!(of("bearer  abc ").bearer(), Some("abc"));
        for other in ["Basic abc", "Bearer", "Bearer ", "abc", ""] {
            assert_eq!(of(other).bearer(), None, "{other}");
        }
        let cookie = ("cookie", "a=b; mainstem=abc");
        assert_eq!(credentials(&[cookie]).bearer(), Some("abc"));
        let both = credentials(&[cookie, ("authorization", "Bearer d")]);
        assert_eq!(both.bearer(), Some("d"));
        let twice = ("authorization", "Bearer d");
        assert_eq!(credentials(&[twice, twice]).bearer(), None);
    }

    #[test]
    fn a_token_is_compared_whole() {
        let credentials = credentials(&[("authorization", "Bearer abc")]);
        assert!(credentials.is("abc"));
        for other in ["ab", "abcd", "abd", ""] {
            assert!(!credentials.is(other), "{other}");
        }
    }

    #[test]
    fn debug_keeps_secrets() {
        let credentials = credentials(&[("authorization", "Bearer abc"), ("x-user", "ada")]);
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("abc") && !shown.contains("ada"), "{shown}");
        assert_eq!(credentials.header("x-user"), Some("ada"));
    }
}
