//! Whose a request is, where nobody is asked who they are: by the address that it comes from.
//!
//! What a client says of its address counts for nothing, unless a proxy that is trusted says it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, HeaderName, header};
use mainstem_core::{Error, ErrorKind, Text};

/// The proxies that are trusted, and the header in which each says whose request it forwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<(Network, HeaderName)>,
    /// What was added first that is none, and the mend.
    wrong: Option<String>,
}

impl Proxies {
    /// Adds an address or a network, and its header.
    ///
    /// What is none is told by [`well_formed`](Self::well_formed).
    pub(crate) fn add(&mut self, peers: &str, name: &str) {
        match (Network::parse(peers), header_of_addresses(name)) {
            (Some(network), Some(name)) => self.trusted.push((network, name)),
            (None, _) => {
                self.wrong.get_or_insert_with(|| {
                    format!(
                        "the proxy `{peers}` is no address; write `10.0.0.7`, or `10.0.0.0/8` for a \
                         network (`Server::trust_proxy`, or `--trust-proxy` of the program)"
                    )
                });
            }
            (_, None) => {
                self.wrong.get_or_insert_with(|| {
                    format!(
                        "the header `{name}` can't say addresses; name one with a list of them, as \
                         `x-forwarded-for` (`Server::trust_proxy`)"
                    )
                });
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

    /// Whom a request counts for, if it is known where it comes from.
    pub(crate) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<Text> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(shown(self.sender(peer.ip().to_canonical(), headers)))
    }

    /// The last address on the way here that isn't a trusted proxy's: what was said before it may be
    /// anything.
    fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let Some(name) = self.header_of(peer) else {
            return peer;
        };
        let said = headers.get_all(name).iter().rev();
        let said = said.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        let mut sender = peer;
        for address in said.map(address) {
            // What isn't an address is nobody's word: the proxy has the blame.
            let Some(address) = address else { break };
            sender = address;
            if self.header_of(address).is_none() {
                break;
            }
        }
        sender
    }

    fn header_of(&self, address: IpAddr) -> Option<&HeaderName> {
        let mut trusted = self.trusted.iter();
        let found = trusted.find(|(network, _)| network.has(address));
        found.map(|(_, name)| name)
    }
}

/// A header in which proxies say addresses; that of RFC 7239 says them otherwise.
fn header_of_addresses(name: &str) -> Option<HeaderName> {
    let name: HeaderName = name.parse().ok()?;
    (name != header::FORWARDED).then_some(name)
}

/// An address as proxies write it: some add a port.
fn address(written: &[u8]) -> Option<IpAddr> {
    let written = std::str::from_utf8(written).ok()?.trim();
    let bare = written
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(written).parse::<IpAddr>();
    let with_port = || written.parse::<SocketAddr>().map(|address| address.ip());
    Some(address.or_else(|_| with_port()).ok()?.to_canonical())
}

/// The name of a client: its address, and with IPv6 its network, of which one client has all.
fn shown(address: IpAddr) -> Text {
    match address {
        IpAddr::V4(address) => address.to_string().into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            let network = Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
            format!("{network}/64").into()
        }
    }
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug)]
struct Network {
    address: IpAddr,
    /// How many bits they have in common.
    bits: u32,
}

impl Network {
    fn parse(written: &str) -> Option<Self> {
        let (address, bits) = match written.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (written, None),
        };
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).ok()?;
        (bits <= most).then_some(Self { address, bits })
    }

    fn has(&self, address: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (u32::from(ours).into(), u32::from(theirs).into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (u128::from(ours), u128::from(theirs), 128),
            _ => return false,
        };
        let differs: u128 = ours ^ theirs;
        differs.checked_shr(width - self.bits).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &Proxies, peer: &str, said: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        proxies.client(&extensions, &headers).unwrap().to_string()
    }

    #[test]
    fn what_a_client_says_of_itself_counts_for_nothing() {
        let nobody = Proxies::default();
        assert_eq!(
            client(&nobody, "203.0.113.7", &["198.51.100.1"]),
            "203.0.113.7"
        );
        assert_eq!(client(&nobody, "::ffff:203.0.113.7", &[]), "203.0.113.7");
        assert_eq!(
            client(&nobody, "2001:db8:1:2:3::4", &[]),
            "2001:db8:1:2::/64"
        );
        assert!(
            nobody
                .client(&Extensions::new(), &HeaderMap::new())
                .is_none()
        );
        let mut proxies = Proxies::default();
        proxies.add("10.0.0.0/8", "x-forwarded-for");
        assert!(proxies.well_formed().is_ok());
        // Who isn't a proxy says nothing for others either.
        assert_eq!(
            client(&proxies, "203.0.113.7", &["198.51.100.1"]),
            "203.0.113.7"
        );
    }

    #[test]
    fn behind_proxies_it_is_the_last_address_that_is_no_proxy_s() {
        let mut proxies = Proxies::default();
        proxies.add("10.0.0.0/8", "x-forwarded-for");
        proxies.add("2001:db8:ffff::/48", "x-forwarded-for");
        for (said, whose) in [
            (&["203.0.113.7"][..], "203.0.113.7"),
            // What the client said stands before what the proxy added.
            (&["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            (&["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            (&["203.0.113.7, 10.1.2.3, 2001:db8:ffff::1"], "203.0.113.7"),
            (&["203.0.113.7:4711,10.1.2.3"], "203.0.113.7"),
            (&["[2001:db8::1]:4711"], "2001:db8::/64"),
            (&["[2001:db8::1]"], "2001:db8::/64"),
            (&["::ffff:203.0.113.7"], "203.0.113.7"),
            // Without a word that is one, it is the proxy.
            (&[], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["203.0.113.7, unknown"], "10.0.0.1"),
            (&["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        ] {
            assert_eq!(client(&proxies, "10.0.0.1", said), whose, "{said:?}");
        }
    }

    #[test]
    fn networks_have_their_addresses_and_no_others() {
        for (network, has, has_not) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("0.0.0.0/0", "203.0.113.7", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::1", "::1", "::2"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.has(has.parse().unwrap()), "{network:?}");
            assert!(!network.has(has_not.parse().unwrap()), "{network:?}");
        }
        for wrong in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "proxy",
            "10.0.0.1:80",
        ] {
            let mut proxies = Proxies::default();
            proxies.add(wrong, "x-real-ip");
            let told = proxies.well_formed().unwrap_err();
            assert!(told.message().contains("10.0.0.0/8"), "{wrong}");
        }
        for wrong in ["forwarded", "Forwarded", "x forwarded"] {
            let mut proxies = Proxies::default();
            proxies.add("::1", wrong);
            assert!(proxies.well_formed().is_err(), "{wrong}");
        }
    }
}
