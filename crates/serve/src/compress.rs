//! Compressed responses, of which a client can read all that was sent so far.

#[cfg(feature = "compression")]
mod encoder;
#[cfg(not(feature = "compression"))]
mod encoder {
    //! Without the feature `compression` there is none.

    use bytes::Bytes;

    use super::Encoding;

    #[derive(Debug)]
    pub(crate) enum Encoder {}

    impl Encoder {
        pub(crate) fn new(_encoding: Encoding) -> Option<Self> {
            None
        }

        pub(crate) fn push(&mut self, _data: &[u8]) -> Bytes {
            match *self {}
        }

        pub(crate) fn finish(self) -> Bytes {
            match self {}
        }
    }
}

pub(crate) use encoder::Encoder;
use http::{HeaderMap, header::ACCEPT_ENCODING};

use crate::wire::format::thousandths;

/// How a response is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Not at all.
    #[default]
    Identity,
    /// By zstd.
    Zstd,
    /// By brotli.
    Brotli,
    /// By gzip.
    Gzip,
}

impl Encoding {
    /// Those that there are; of several that a client likes as much, it gets the first.
    ///
    /// None but [`Identity`](Self::Identity) without the feature `compression`.
    #[cfg(feature = "compression")]
    pub const ALL: &[Self] = &[Self::Zstd, Self::Brotli, Self::Gzip, Self::Identity];
    /// Those that there are: without the feature `compression`, none.
    #[cfg(not(feature = "compression"))]
    pub const ALL: &[Self] = &[Self::Identity];

    /// The name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What a client likes most of what there is, by its `Accept-Encoding`; nothing, if it doesn't say.
    ///
    /// ```
    /// # #[cfg(feature = "compression")]
    /// # {
    /// use http::HeaderMap;
    /// use mainstem_serve::Encoding;
    ///
    /// let mut headers = HeaderMap::new();
    /// assert_eq!(Encoding::from_accept(&headers), Encoding::Identity);
    /// headers.insert("accept-encoding", "gzip, br;q=0.5".parse().unwrap());
    /// assert_eq!(Encoding::from_accept(&headers), Encoding::Gzip);
    /// # }
    /// ```
    pub fn from_accept(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT_ENCODING).iter();
        let named: Vec<_> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(coding)
            .collect();
        let quality = |encoding: &Self| {
            let of = |name: &str| {
                let named = named
                    .iter()
                    .find(|(named, _)| named.eq_ignore_ascii_case(name));
                named.map(|(_, quality)| *quality)
            };
            let is_gzip = *encoding == Self::Gzip;
            of(encoding.name())
                .or_else(|| of("x-gzip").filter(|_| is_gzip))
                .or_else(|| of("*"))
                .filter(|quality| *quality > 0)
        };
        // The first of the best: `max_by_key` would give the last.
        let liked = Self::ALL.iter().rev().filter_map(|encoding| {
            let quality = quality(encoding)?;
            Some((quality, *encoding))
        });
        // What isn't compressed is sent even to those who say that they don't like it.
        liked
            .max_by_key(|(quality, _)| *quality)
            .map_or(Self::Identity, |(_, encoding)| encoding)
    }
}

/// One of the codings of an `Accept-Encoding`, and how much it is liked, in thousandths.
fn coding(text: &str) -> Option<(&str, u16)> {
    let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
    let quality = match parameters.trim().split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("q") => thousandths(value.trim())?,
        _ => 1000,
    };
    Some((name.trim(), quality))
}

#[cfg(all(test, feature = "compression"))]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_likes_most() {
        for (value, encoding) in [
            ("", Encoding::Identity),
            ("*", Encoding::Zstd),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("gzip, br", Encoding::Brotli),
            ("GZIP;q=0.9, br;q=0.8", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("zstd;q=0, *;q=0.1", Encoding::Brotli),
            ("gzip; Q=0.2, identity", Encoding::Identity),
            ("deflate", Encoding::Identity),
            ("identity;q=0", Encoding::Identity),
            ("gzip;q=x", Encoding::Identity),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(Encoding::from_accept(&headers), encoding, "{value}");
        }
    }
}
