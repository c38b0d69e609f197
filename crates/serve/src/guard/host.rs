//! Which names the server answers to.
//!
//! A page that makes its own name point to this machine (DNS rebinding) reaches a server on loopback
//! as if it were its own; but the request still says the page's name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, StatusCode, Uri, header, uri::Authority};
use mainstem_core::{Error, ErrorKind};

use crate::refusal::Refusal;

/// The names that a request may be addressed to: those of loopback, and those that were listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    listed: Vec<String>,
    /// What was added first that no request says, and the mend.
    wrong: Option<String>,
}

impl Hosts {
    /// Adds a name, with a port or for all ports.
    ///
    /// One that no request says is told by [`well_formed`](Self::well_formed).
    pub(crate) fn add(&mut self, host: &str) {
        if host.parse::<Ipv6Addr>().is_ok() || authority_of_server(host).is_some() {
            self.listed.push(plain(host));
        } else {
            self.wrong.get_or_insert_with(|| no_host(host));
        }
    }

    /// Refuses what would never match, instead of serving without it.
    pub(crate) fn well_formed(&self) -> Result<(), Error> {
        match &self.wrong {
            Some(message) => Err(Error::new(ErrorKind::Config, message.clone())),
            None => Ok(()),
        }
    }

    /// The authority that a request is addressed to, if it is one of this server's.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Authority, Refusal> {
        let mut said = headers.get_all(header::HOST).iter();
        let (host, None) = (said.next(), said.next()) else {
            return Err(malformed("is there twice"));
        };
        let host = match host {
            Some(host) => Some(authority(host.as_bytes())?),
            None => None,
        };
        // HTTP/2, and HTTP/1 to a proxy, name the host in the request's target.
        let target = match uri.authority() {
            Some(target) => Some(authority(target.as_str().as_bytes())?),
            None => None,
        };
        let authority = match (target, host) {
            (Some(target), Some(host)) if target != host => {
                return Err(malformed("isn't the request's target"));
            }
            (Some(authority), _) | (None, Some(authority)) => authority,
            (None, None) => return Err(malformed("is missing")),
        };
        if self.takes(&authority) {
            return Ok(authority);
        }
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "host_refused",
            "the request's Host isn't a name of this server; if it is meant to be one, add it with \
             `Server::host`, or `--allow-host` of the program",
        ))
    }

    fn takes(&self, authority: &Authority) -> bool {
        let name = plain(authority.host());
        if is_loopback_name(&name) {
            return true;
        }
        let whole = plain(authority.as_str());
        self.listed
            .iter()
            .any(|listed| *listed == name || *listed == whole)
    }
}

/// A host, with or without a port, that a request can be addressed to.
pub(super) fn authority_of_server(host: &str) -> Option<Authority> {
    let authority: Authority = host.parse().ok()?;
    let has_port = host.len() > authority.host().len();
    let is_one = !host.contains(['@', '*'])
        && !authority.host().is_empty()
        && (!has_port || authority.port_u16().is_some());
    is_one.then_some(authority)
}

/// Why something can't be a name of the server, and the mend.
fn no_host(host: &str) -> String {
    // A user, and a password, aren't shown again.
    let shown = host.rsplit('@').next().unwrap_or_default();
    let rest = shown.rsplit("://").next().unwrap_or_default();
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let mend = match authority_of_server(rest) {
        Some(authority) => format!("write `{authority}`"),
        None => {
            "write each name by itself, as `api.example.org` or `api.example.org:8080`, in ASCII"
                .to_owned()
        }
    };
    format!(
        "the host `{shown}` is none that a request can say; {mend} (`Server::host`, or `--allow-host` \
         of the program)"
    )
}

fn malformed(how: &str) -> Refusal {
    let message = format!("the request's Host header {how}; send one, with this server's name");
    Refusal::new(StatusCode::BAD_REQUEST, "host_malformed", message)
}

fn authority(text: &[u8]) -> Result<Authority, Refusal> {
    let authority = Authority::try_from(text).map_err(|_| malformed("isn't a host"))?;
    if authority.as_str().contains('@') {
        return Err(malformed("has a user in it"));
    }
    Ok(authority)
}

/// In one writing: small letters, no dot of the root, no brackets of IPv6 without a port.
fn plain(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.to_owned(),
        None => host.to_owned(),
    }
}

/// Whether an authority, with or without a port, can be nothing but this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    authority
        .parse::<Authority>()
        .is_ok_and(|authority| is_loopback_name(&plain(authority.host())))
}

fn is_loopback_name(name: &str) -> bool {
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return address.is_loopback();
    }
    let address = name
        .parse::<Ipv6Addr>()
        .map(|it| IpAddr::V6(it).to_canonical());
    address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    fn check(hosts: &Hosts, host: &[&str], uri: &str) -> Result<Authority, Refusal> {
        let mut headers = HeaderMap::new();
        for host in host {
            headers.append(header::HOST, host.parse().unwrap());
        }
        hosts.check(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn names_of_loopback_are_taken_and_others_are_not() {
        let hosts = Hosts::default();
        for good in [
            "localhost",
            "LOCALHOST.:80",
            "app.localhost:1",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:80",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(check(&hosts, &[good], "/").is_ok(), "{good}");
        }
        for bad in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "192.168.0.1",
            "0.0.0.0",
            "2130706433",
            "[::2]",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "localhost:80:80",
            "",
            "local host",
        ] {
            assert!(check(&hosts, &[bad], "/").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_request_has_one_host() {
        let hosts = Hosts::default();
        assert!(check(&hosts, &[], "/").is_err());
        assert!(check(&hosts, &["localhost", "localhost"], "/").is_err());
        assert!(check(&hosts, &["localhost"], "http://evil.example/").is_err());
        assert!(check(&hosts, &["evil.example"], "http://localhost/").is_err());
        assert!(check(&hosts, &[], "http://localhost/").is_ok());
        assert!(check(&hosts, &["localhost"], "http://localhost/").is_ok());
    }

    #[test]
    fn a_listed_name_is_taken_with_its_port_if_it_has_one() {
        let mut hosts = Hosts::default();
        hosts.add("API.example.org");
        hosts.add("two.example.org:8080");
        hosts.add("[2001:db8::1]");
        for good in [
            "api.example.org",
            "api.example.org:99",
            "two.example.org:8080",
            "[2001:db8::1]:80",
        ] {
            assert!(check(&hosts, &[good], "/").is_ok(), "{good}");
        }
        for bad in ["two.example.org", "two.example.org:1", "example.org"] {
            assert!(check(&hosts, &[bad], "/").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_that_no_request_says_is_told_with_its_mend() {
        for (wrong, mend) in [
            (
                "http://z.org/",
                "the host `http://z.org/` is none that a request can say; write `z.org`",
            ),
            ("z.org/app", "write `z.org`"),
            ("https://z.org:8080", "write `z.org:8080`"),
            ("ada:secret@z.org", "write `z.org`"),
            ("*", "write each name by itself"),
            ("*.example.org", "write each name by itself"),
            ("z.org:", "write each name by itself"),
            ("z.org:99999", "write each name by itself"),
            ("a.org, b.org", "write each name by itself"),
            ("möwe.example", "in ASCII"),
            ("", "write each name by itself"),
        ] {
            let mut hosts = Hosts::default();
            hosts.add("api.example.org");
            hosts.add(wrong);
            let error = hosts.well_formed().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let told = error.message();
            assert!(
                told.contains(mend) && !told.contains("secret"),
                "{wrong}: {told}"
            );
            assert!(told.contains("Server::host") && told.contains("--allow-host"));
        }
        let mut hosts = Hosts::default();
        for right in [
            "z.org",
            "z.org.",
            "z.org:8080",
            "10.0.0.1",
            "[2001:db8::1]:80",
            "2001:db8::1",
        ] {
            hosts.add(right);
        }
        assert!(hosts.well_formed().is_ok());
    }

    proptest! {
        /// What is taken for this machine's, a browser takes for this machine's, too.
        #[test]
        fn nothing_passes_for_loopback_that_isnt(
            host in prop_oneof![
                "[0-9a-fx:.\\[\\]@%lochst/?#\\\\-]{0,24}",
                "(localhost|127\\.0\\.0\\.1|\\[::1\\])[.:@a-z0-9%]{0,8}",
                "[a-z0-9.@:]{0,8}(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]{0,5})?",
            ]
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if Hosts::default().check(&Uri::from_static("/"), &headers).is_ok() {
                let Ok(url) = Url::parse(&format!("http://{host}/")) else {
                    // A port that is none: no browser says that.
                    return Ok(());
                };
                let name = url.host_str().unwrap_or_default().trim_end_matches('.');
                let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
                let is_local = name == "localhost"
                    || name.ends_with(".localhost")
                    || address.is_ok_and(|it| it.to_canonical().is_loopback());
                prop_assert!(is_local, "{host}: {name}");
            }
        }
    }
}
