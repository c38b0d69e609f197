//! The cookie for pages: `EventSource` and `WebSocket` can't send an `authorization` header.

use http::{HeaderMap, header};

const NAME: &str = "mainstem";

/// The token in a request's cookie, if there is exactly one.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(token), None) if !token.is_empty() => Some(token),
        // A second one was planted by somebody.
        _ => None,
    }
}

/// The header that sets the cookie: for this host alone, out of reach for scripts, never sent from
/// other sites, gone when the browser closes; but for loopback, over TLS alone.
///
/// None, if the token has characters that can't stand in a cookie.
pub(crate) fn set(token: &str, over_tls: bool) -> Option<String> {
    let can_stand = |byte: u8| byte.is_ascii_graphic() && !br#"",;\"#.contains(&byte);
    if token.is_empty() || !token.bytes().all(can_stand) {
        return None;
    }
    Some(attributed(token, over_tls))
}

/// The header that takes it away again.
pub(crate) fn clear(over_tls: bool) -> String {
    format!("{}; Max-Age=0", attributed("", over_tls))
}

fn attributed(value: &str, over_tls: bool) -> String {
    let secure = if over_tls { "; Secure" } else { "" };
    format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read() {
        let header = set("a-b_c.d~e+f/g=", true).unwrap();
        assert_eq!(
            header,
            "mainstem=a-b_c.d~e+f/g=; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        let mut headers = HeaderMap::new();
        let pair = header.split(';').next().unwrap();
        headers.insert(header::COOKIE, pair.parse().unwrap());
        assert_eq!(read(&headers), Some("a-b_c.d~e+f/g="));
        headers.append(header::COOKIE, "mainstem=planted".parse().unwrap());
        assert_eq!(read(&headers), None);
        assert!(clear(false).starts_with("mainstem=;"));
    }

    #[test]
    fn a_token_cant_bring_attributes() {
        for token in ["", "a;b", "a b", "a,b", "a\"b", "a\\b", "a\r\nb", "é"] {
            assert_eq!(set(token, false), None, "{token}");
        }
    }
}
