//! Which pages may talk to the server.
//!
//! A browser sends requests for any page to any server it reaches, with its cookies or from behind its
//! firewall; but it says which page it was. A web socket isn't held by CORS at all.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Authority};

use crate::refusal::Refusal;

/// The origins of other sites that may talk to the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    listed: Vec<HeaderValue>,
}

impl Origins {
    /// Adds an origin, as browsers write it: `https://app.example.org`.
    ///
    /// One that can't be a header's value can't be sent by a browser either, and is left out.
    pub(crate) fn add(&mut self, origin: &str) {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        self.listed.extend(HeaderValue::try_from(origin));
    }

    pub(crate) fn listed(&self) -> &[HeaderValue] {
        &self.listed
    }

    /// Whether the page that a request comes from may send it, if it comes from a page.
    pub(crate) fn check(
        &self,
        method: &Method,
        headers: &HeaderMap,
        host: &Authority,
    ) -> Result<(), Refusal> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) if self.takes(origin, host) => Ok(()),
            (None, None) if is_own_fetch(method, headers) => Ok(()),
            _ => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "origin_refused",
                "the request comes from a page of another origin; if that page is meant to use this \
                 server, add its origin with `Server::origin`, or `--allow-origin` of the program",
            )),
        }
    }

    fn takes(&self, origin: &HeaderValue, host: &Authority) -> bool {
        if self.listed.contains(origin) {
            return true;
        }
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        // Behind a proxy that ends TLS the server doesn't know its own scheme.
        let named = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        named.is_some_and(|named| named.eq_ignore_ascii_case(host.as_str()))
    }
}

/// Whether a request without an origin can be harmless: it changes nothing, or no page of another site
/// sent it.
fn is_own_fetch(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) && !headers.contains_key(header::UPGRADE) {
        return true;
    }
    match headers.get("sec-fetch-site") {
        None => true,
        Some(site) => site == "same-origin" || site == "none",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    fn takes(method: &Method, said: &[(&'static str, &str)]) -> bool {
        let mut origins = Origins::default();
        origins.add("https://App.example.org/");
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(*name, value.parse().unwrap());
        }
        let host = "localhost:8080".parse().unwrap();
        origins.check(method, &headers, &host).is_ok()
    }

    #[test]
    fn own_and_listed_origins_are_taken() {
        assert!(takes(&Method::POST, &[]));
        assert!(takes(&Method::POST, &[("origin", "http://localhost:8080")]));
        assert!(takes(
            &Method::POST,
            &[("origin", "https://localhost:8080")]
        ));
        assert!(takes(
            &Method::POST,
            &[("origin", "https://app.example.org")]
        ));
        assert!(takes(&Method::DELETE, &[("sec-fetch-site", "same-origin")]));
        assert!(takes(&Method::GET, &[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn other_origins_are_not() {
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost",
            "http://localhost:8081",
            "http://localhost:8080.evil.example",
            "http://localhost:8080@evil.example",
            "ftp://localhost:8080",
            "localhost:8080",
            "http://app.example.org",
            "",
        ] {
            assert!(!takes(&Method::POST, &[("origin", origin)]), "{origin}");
            assert!(!takes(&Method::GET, &[("origin", origin)]), "{origin}");
        }
        let own = ("origin", "http://localhost:8080");
        assert!(!takes(
            &Method::POST,
            &[own, ("origin", "http://evil.example")]
        ));
        assert!(!takes(&Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(!takes(&Method::DELETE, &[("sec-fetch-site", "same-site")]));
        let upgrade = ("upgrade", "websocket");
        assert!(!takes(
            &Method::GET,
            &[upgrade, ("sec-fetch-site", "cross-site")]
        ));
    }

    proptest! {
        /// What is taken for a page of this server's, a browser takes for one, too.
        #[test]
        fn nothing_passes_for_the_own_origin_that_isnt(
            origin in prop_oneof![
                "https?://[lochst:8088@./?#\\\\]{0,20}",
                "[a-z:/]{0,10}localhost:8080[a-z.:@/0-9]{0,6}",
                "https?://[a-z.@:]{0,6}LocalHost:8080",
            ]
        ) {
            if takes(&Method::POST, &[("origin", &origin)]) {
                let of_url = Url::parse(&origin).unwrap().origin().ascii_serialization();
                let own = ["http://localhost:8080", "https://localhost:8080"];
                prop_assert!(own.contains(&&*of_url), "{origin}: {of_url}");
            }
        }
    }
}
