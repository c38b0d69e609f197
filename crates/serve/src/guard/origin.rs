//! Which pages may talk to the server.
//!
//! A browser sends requests for any page to any server it reaches, with its cookies or from behind its
//! firewall; but it says which page it was. A web socket isn't held by CORS at all.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Authority};
use mainstem_core::{Error, ErrorKind};

use crate::refusal::Refusal;

/// The origins of other sites that may talk to the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    listed: Vec<HeaderValue>,
    /// What was added first that no browser sends, and the mend.
    wrong: Option<String>,
}

impl Origins {
    /// Adds an origin, as browsers write it: `https://app.example.org`.
    ///
    /// One that no browser sends is told by [`well_formed`](Self::well_formed).
    pub(crate) fn add(&mut self, origin: &str) {
        match written(origin) {
            Ok(origin) => self.listed.push(origin),
            Err(message) => {
                self.wrong.get_or_insert(message);
            }
        }
    }

    /// Refuses what would never match, instead of serving without it.
    pub(crate) fn well_formed(&self) -> Result<(), Error> {
        match &self.wrong {
            Some(message) => Err(Error::new(ErrorKind::Config, message.clone())),
            None => Ok(()),
        }
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

/// An origin as browsers write it: scheme, host, and a port that isn't the scheme's own.
fn written(origin: &str) -> Result<HeaderValue, String> {
    let wrong = |mend: String| {
        format!(
            "the origin `{}` is none that a browser sends; {mend} (`Server::origin`, or \
             `--allow-origin` of the program)",
            without_user(origin)
        )
    };
    if origin.contains('*') || origin == "null" {
        let mend = "name each site by itself, as `https://app.example.org`";
        return Err(wrong(mend.to_owned()));
    }
    let lower = origin.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").unwrap_or(("", &*lower));
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let rest = rest.trim_end_matches('/');
    // What follows the host of a URL is cut off for the mend.
    let host = without_user(rest.split(['/', '?', '#']).next().unwrap_or_default());
    let Some(authority) = super::host::authority_of_server(host) else {
        let mend = "write a scheme and a host, as `https://app.example.org`, in ASCII";
        return Err(wrong(mend.to_owned()));
    };
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) || rest != host {
        let scheme = match scheme {
            "http" => "http",
            _ => "https",
        };
        return Err(wrong(format!("write `{scheme}://{authority}`")));
    }
    let own_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "/",
    };
    let host = host.strip_suffix(own_port).unwrap_or(host);
    HeaderValue::try_from(format!("{scheme}://{host}"))
        .map_err(|_| wrong(format!("write `https://{authority}`")))
}

/// A user, and a password, aren't shown again.
fn without_user(written: &str) -> &str {
    written.rsplit('@').next().unwrap_or_default()
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
    fn an_origin_that_no_browser_sends_is_told_with_its_mend() {
        for (wrong, mend) in [
            ("*", "name each site by itself"),
            ("https://*.example.org", "name each site by itself"),
            ("null", "name each site by itself"),
            (
                "x.org",
                "the origin `x.org` is none that a browser sends; write `https://x.org`",
            ),
            ("x.org:8080/app", "write `https://x.org:8080`"),
            ("http://x.org/app", "write `http://x.org`"),
            ("https://ada:secret@x.org", "write `https://x.org`"),
            ("https://x.org, https://y.org", "a scheme and a host"),
            ("https://x.org:99999", "a scheme and a host"),
            ("https://möwe.example", "in ASCII"),
            ("https://", "a scheme and a host"),
            ("", "a scheme and a host"),
        ] {
            let mut origins = Origins::default();
            origins.add("https://app.example.org");
            origins.add(wrong);
            let error = origins.well_formed().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let told = error.message();
            assert!(
                told.contains(mend) && !told.contains("secret"),
                "{wrong}: {told}"
            );
            assert!(told.contains("Server::origin") && told.contains("--allow-origin"));
        }
        let mut origins = Origins::default();
        for (right, is) in [
            ("https://X.org:443/", "https://x.org"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            origins.add(right);
            assert_eq!(origins.listed().last().unwrap(), is);
        }
        assert!(origins.well_formed().is_ok());
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
