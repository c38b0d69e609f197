use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::{Chunk, Exchange, forms, json_text, known_keys};

/// What stands in the place of a secret.
pub(crate) const REMOVED: &str = "[removed]";

/// What is kept of an exchange, and what is taken out of it.
///
/// - Of headers only those are kept that say something about the answer: `accept`,
///   `content-type`, `retry-after` and rate limits. Keys, cookies, ids of accounts and whatever
///   else is in one never come into the file.
/// - What stood in such a header, or in a query parameter or JSON field with a secret's name
///   (`api_key`, `access_token`, `password`, `organization_id`, ..), is also searched in
///   everything that is kept; so are the [values](Self::value) that you name. It is found as it
///   is, in JSON and percent escapes, in hexadecimal and in base64, across the borders of chunks,
///   and spread over the pieces of a stream.
/// - What looks like a key or an id of an organisation or a project (`sk-..`, `AIza..`, `org-..`,
///   ..) is taken out wherever it stands.
///
/// `[removed]` stands in their places. What a person wrote is no secret by itself: name what must
/// not be in the file, and look at it before you share it.
///
/// ```
/// use mainstem_testkit::Secrets;
///
/// let secrets = Secrets::new().value("sesame-seed").field("customer");
/// let body = br#"{"user":"sesame-seed","customer":"Ann"}"#;
/// assert_eq!(secrets.remove_from(body), br#"{"user":"[removed]","customer":"[removed]"}"#);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Secrets {
    values: Vec<String>,
    headers: Vec<String>,
    fields: Vec<String>,
}

/// Headers that are kept.
const HEADERS: [&str; 8] = [
    "accept",
    "content-type",
    "content-disposition",
    "openai-beta",
    "openai-processing-ms",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
];

/// Headers that are kept begin so, too.
const HEADER_BEGINNINGS: [&str; 2] = ["x-ratelimit-", "ratelimit"];

/// Query parameters and JSON fields whose values are secrets, written in any case and with any
/// separator.
const FIELDS: [&str; 19] = [
    "accesstoken",
    "account",
    "accountid",
    "apikey",
    "authorization",
    "clientsecret",
    "cookie",
    "idtoken",
    "organisation",
    "organisationid",
    "organization",
    "organizationid",
    "orgid",
    "password",
    "project",
    "projectid",
    "refreshtoken",
    "secret",
    "xapikey",
];

/// Of query parameters these as well; in JSON they are words like any other.
const PARAMETERS: [&str; 5] = ["auth", "key", "sig", "signature", "token"];

/// Shorter values of headers aren't searched elsewhere: they would be found by chance.
const LEAST: usize = 6;

impl Default for Secrets {
    fn default() -> Self {
        Self::new()
    }
}

/// The secrets themselves are left out.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("headers", &self.headers)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl Secrets {
    /// Begins with what is taken out always.
    pub fn new() -> Self {
        Self {
            values: Vec::new(),
            headers: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Takes this out wherever it stands; nothing, if it is empty.
    pub fn value(mut self, secret: impl Into<String>) -> Self {
        self.values.push(secret.into());
        self.values.retain(|value| !value.is_empty());
        self
    }

    /// Takes out the values of query parameters and JSON fields of this name.
    pub fn field(mut self, name: &str) -> Self {
        self.fields.push(plain(name));
        self
    }

    /// Keeps headers of this name, of requests and answers.
    pub fn keep_header(mut self, name: &str) -> Self {
        self.headers.push(name.to_ascii_lowercase());
        self
    }

    /// Returns a text or a body without what is known to be a secret.
    #[must_use]
    pub fn remove_from(&self, body: &[u8]) -> Vec<u8> {
        let found = self.finder(&[], &[body]).find(body);
        cut_out(body, &found, 0..body.len())
    }

    /// Takes the secrets out of an exchange.
    #[cfg_attr(
        not(feature = "record"),
        allow(dead_code, reason = "only recording needs it")
    )]
    pub(crate) fn remove_from_exchange(&self, exchange: Exchange) -> Exchange {
        let answer = exchange.response_body();
        let query = exchange.target.split_once('?').map(|(_, query)| query);
        let headers = [&exchange.headers, &exchange.response_headers];
        let mut hidden = headers
            .into_iter()
            .flatten()
            .filter(|(name, _)| !self.keeps(name))
            .flat_map(|(_, value)| parts(value))
            .collect::<Vec<String>>();
        hidden.extend(query.into_iter().flat_map(|query| self.of_query(query)));
        let finder = self.finder(&hidden, &[&exchange.body, &answer]);
        let clean = |text: &str| {
            let found = finder.find(text.as_bytes());
            let clean = cut_out(text.as_bytes(), &found, 0..text.len());
            String::from_utf8_lossy(&clean).into_owned()
        };
        let clean_headers = |headers: Vec<(String, String)>| {
            let kept = headers.into_iter().filter(|(name, _)| self.keeps(name));
            kept.map(|(name, value)| (name, clean(&value))).collect()
        };
        let body = finder.find(&exchange.body);
        let body = cut_out(&exchange.body, &body, 0..exchange.body.len());
        Exchange {
            target: clean(&self.without_short_parameters(&exchange.target)),
            headers: clean_headers(exchange.headers),
            body: body.into(),
            response_headers: clean_headers(exchange.response_headers),
            chunks: clean_chunks(exchange.chunks, &answer, &finder.find(&answer)),
            ..exchange
        }
    }

    fn keeps(&self, header: &str) -> bool {
        let header = header.to_ascii_lowercase();
        let is_known = HEADERS.contains(&&*header)
            || HEADER_BEGINNINGS.iter().any(|one| header.starts_with(one));
        is_known || self.headers.contains(&header)
    }

    fn is_secret_field(&self, name: &str) -> bool {
        let name = plain(name);
        FIELDS.contains(&&*name) || self.fields.contains(&name)
    }

    fn is_secret_parameter(&self, name: &str) -> bool {
        self.is_secret_field(name) || PARAMETERS.contains(&&*plain(name))
    }

    /// Returns the values of the query's secret parameters, as they stand there and as they are.
    fn of_query(&self, query: &str) -> Vec<String> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let secret = pairs.filter(|(name, _)| self.is_secret_parameter(name));
        secret
            .flat_map(|(_, value)| [value.to_owned(), from_percent(value)])
            .collect()
    }

    /// Takes the values of secret parameters out, those too that are too short to be searched.
    fn without_short_parameters(&self, target: &str) -> String {
        let Some((path, query)) = target.split_once('?') else {
            return target.to_owned();
        };
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if self.is_secret_parameter(name) => format!("{name}={REMOVED}"),
            _ => pair.to_owned(),
        });
        format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
    }

    /// Returns what finds these secrets, and those that the bodies say are some.
    fn finder(&self, hidden: &[String], bodies: &[&[u8]]) -> Finder<'_> {
        let mut values = self.values.clone();
        values.extend(hidden.iter().filter(|one| one.len() >= LEAST).cloned());
        for body in bodies {
            for (key, text) in json_text::members(body) {
                let text = &body[text];
                if text.len() >= LEAST && self.is_secret_field(&String::from_utf8_lossy(key)) {
                    values.push(String::from_utf8_lossy(text).into_owned());
                }
            }
        }
        let forms = values.iter().flat_map(|value| forms::forms(value));
        Finder {
            secrets: self,
            forms: forms.collect(),
        }
    }
}

/// Finds secrets in bytes.
struct Finder<'a> {
    secrets: &'a Secrets,
    forms: Vec<Vec<u8>>,
}

impl Finder<'_> {
    /// Returns where the secrets are, in rising order, none within another.
    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found = self.find_plain(bytes);
        // The texts of each field one after the other, as a stream spreads them over its pieces.
        let members = json_text::members(bytes);
        let mut keys: Vec<&[u8]> = members.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let texts = members.iter().filter(|(other, _)| *other == key);
            let places: Vec<usize> = texts.flat_map(|(_, text)| text.clone()).collect();
            let joined: Vec<u8> = places.iter().map(|place| bytes[*place]).collect();
            for range in self.find_plain(&joined) {
                found.extend(range.map(|at| places[at]..places[at] + 1));
            }
            if self.secrets.is_secret_field(&String::from_utf8_lossy(key)) {
                let texts = members.iter().filter(|(other, _)| *other == key);
                found.extend(texts.map(|(_, text)| text.clone()));
            }
        }
        merge(found)
    }

    fn find_plain(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found = known_keys::find(bytes);
        for form in &self.forms {
            let starts = memchr::memmem::find_iter(bytes, form);
            found.extend(starts.map(|start| start..start + form.len()));
        }
        found
    }
}

/// Joins ranges that touch.
fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Returns a part of the bytes, with the mark where a range begins and nothing of the range.
fn cut_out(bytes: &[u8], found: &[Range<usize>], part: Range<usize>) -> Vec<u8> {
    let mut clean = Vec::with_capacity(part.len());
    let mut at = part.start;
    for range in found {
        let end = range.start.clamp(at, part.end);
        clean.extend_from_slice(&bytes[at..end]);
        if part.contains(&range.start) {
            clean.extend_from_slice(REMOVED.as_bytes());
        }
        at = range.end.clamp(end, part.end);
    }
    clean.extend_from_slice(&bytes[at..part.end]);
    clean
}

/// Takes the ranges of the whole body out of its chunks.
fn clean_chunks(chunks: Vec<Chunk>, body: &[u8], found: &[Range<usize>]) -> Vec<Chunk> {
    let mut start = 0;
    let chunks = chunks.into_iter().map(|chunk| {
        let end = start + chunk.data.len();
        let data = Bytes::from(cut_out(body, found, start..end));
        start = end;
        Chunk { data, ..chunk }
    });
    chunks.filter(|chunk| !chunk.data.is_empty()).collect()
}

/// The parts of a header's value that may stand elsewhere: all of it, what follows the scheme, and
/// the values of cookies.
fn parts(value: &str) -> Vec<String> {
    let mut parts = vec![value.trim().to_owned()];
    if let Some((_, credentials)) = value.trim().split_once(' ') {
        parts.push(credentials.trim().to_owned());
    }
    let cookies = value.split(';').filter_map(|pair| pair.split_once('='));
    parts.extend(cookies.map(|(_, value)| value.trim().trim_matches('"').to_owned()));
    parts
}

/// A name without case and separators.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn from_percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes
            .get(at + 1..at + 3)
            .and_then(|two| str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match byte.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
