//! Strings: formats, lengths, patterns.

use mainstem_core::Result;
use serde_json::{Map, Value};

use super::{Place, Writer, pattern::Pattern};

/// A string that must be longer isn't written.
pub(super) const LONGEST: usize = 10_000;

impl Writer<'_> {
    pub(super) fn string(&mut self, schema: &Map<String, Value>, place: &Place) -> Result<String> {
        let least = length(schema, "minLength").unwrap_or(0);
        let most = length(schema, "maxLength").unwrap_or(usize::MAX);
        if least > most || least > LONGEST {
            return Err(place.cannot("minLength"));
        }
        if let Some(Value::String(pattern)) = schema.get("pattern") {
            let pattern = Pattern::parse(pattern).ok_or_else(|| place.cannot("pattern"))?;
            let start = self.words.count();
            let text = pattern.text(start, least, most);
            return text.ok_or_else(|| place.cannot("pattern"));
        }
        let format = schema.get("format").and_then(Value::as_str);
        if let Some(text) = format.and_then(|format| formatted(format, self.words.count())) {
            let count = text.chars().count();
            let keyword = if count < least {
                "minLength"
            } else {
                "maxLength"
            };
            return if (least..=most).contains(&count) {
                Ok(text)
            } else {
                Err(place.cannot(keyword))
            };
        }
        Ok(self.sized(least, most, place))
    }

    /// Words that are neither too short nor too long.
    fn sized(&mut self, least: usize, most: usize, place: &Place) -> String {
        let mut text = self.words.text(&place.property);
        while text.chars().count() < least {
            text.push(' ');
            text.push_str(&self.words.text(""));
        }
        if text.chars().count() <= most {
            return text;
        }
        let cut: String = text.chars().take(most).collect();
        let trimmed = cut.trim_end();
        if trimmed.chars().count() < least {
            cut
        } else {
            trimmed.to_owned()
        }
    }
}

/// A text of a format; none for a format that is only a remark here.
fn formatted(format: &str, count: usize) -> Option<String> {
    let day = count % 28 + 1;
    let text = match format {
        "date-time" => format!("2025-01-{day:02}T09:30:00Z"),
        "date" => format!("2025-01-{day:02}"),
        "time" => "09:30:00Z".to_owned(),
        "duration" => "PT15M".to_owned(),
        "email" | "idn-email" => format!("jay{count}@example.com"),
        "hostname" | "idn-hostname" => "example.com".to_owned(),
        "ipv4" => format!("192.0.2.{}", count % 254 + 1),
        "ipv6" => format!("2001:db8::{}", count % 99 + 1),
        "uri" | "iri" | "url" => format!("https://example.com/{count}"),
        "uri-reference" | "iri-reference" => format!("/{count}"),
        "uri-template" => "https://example.com/{id}".to_owned(),
        "json-pointer" => "/a".to_owned(),
        "relative-json-pointer" => "0/a".to_owned(),
        "regex" => "^[a-z]+$".to_owned(),
        "uuid" => format!("6f1c9a52-3b7e-4d08-9a61-{count:012x}"),
        _ => return None,
    };
    Some(text)
}

/// A keyword whose value is a count.
pub(super) fn length(schema: &Map<String, Value>, keyword: &str) -> Option<usize> {
    let value = schema.get(keyword)?;
    let count = value
        .as_u64()
        .or_else(|| value.as_f64().map(|number| number as u64))?;
    usize::try_from(count).ok()
}
