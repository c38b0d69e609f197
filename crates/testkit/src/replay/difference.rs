use serde_json::Value;

use crate::recording::REMOVED;
use crate::{Exchange, Recorded};

/// How much of a value is shown.
const SHOWN: usize = 80;

/// Returns the first difference between a recorded request and one that came.
///
/// The words say what the recorded one has and what came instead.
pub(super) fn between(exchange: &Exchange, came: &Recorded, with_body: bool) -> Option<String> {
    let differ = |what: &str, recorded: &str, came: &str| {
        (!is_like(recorded, came)).then(|| format!("the {what} `{recorded}`, not `{came}`"))
    };
    let target = match &came.query {
        Some(query) => format!("{}?{query}", came.path),
        None => came.path.clone(),
    };
    differ("method", &exchange.method, &came.method)
        .or_else(|| differ("target", &exchange.target, &target))
        .or_else(|| body(exchange, came).filter(|_| with_body))
}

fn body(exchange: &Exchange, came: &Recorded) -> Option<String> {
    let (recorded, json) = (exchange.json(), &came.body);
    if !recorded.is_null() && !json.is_null() {
        return in_json(&recorded, json, "body");
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (recorded, came) = (text(&exchange.body), text(&came.raw));
    let what = || {
        let (recorded, came) = (shorten(recorded.clone()), shorten(came.clone()));
        format!("the body `{recorded}`, not `{came}`")
    };
    (!is_like(&recorded, &came)).then(what)
}

fn in_json(recorded: &Value, came: &Value, path: &str) -> Option<String> {
    match (recorded, came) {
        (Value::Object(recorded), Value::Object(came)) => {
            let known = recorded.iter().find_map(|(key, value)| {
                let path = format!("{path}.{key}");
                match came.get(key) {
                    Some(other) => in_json(value, other, &path),
                    None => Some(format!("`{path}`, which didn't come")),
                }
            });
            known.or_else(|| {
                let more = came.keys().find(|key| !recorded.contains_key(*key))?;
                Some(format!("no `{path}.{more}`, which came"))
            })
        }
        (Value::Array(recorded), Value::Array(came)) => {
            let pairs = recorded.iter().zip(came).enumerate();
            let mut differences = pairs.filter_map(|(index, (recorded, came))| {
                in_json(recorded, came, &format!("{path}[{index}]"))
            });
            differences.next().or_else(|| {
                let (recorded, came) = (recorded.len(), came.len());
                (recorded != came).then(|| format!("{recorded} items in `{path}`, not {came}"))
            })
        }
        (Value::String(recorded), Value::String(came)) if is_like(recorded, came) => None,
        _ if recorded == came => None,
        _ => {
            let (recorded, came) = (shorten(recorded.to_string()), shorten(came.to_string()));
            Some(format!("{recorded} in `{path}`, not {came}"))
        }
    }
}

/// Whether a text is the recorded one, with anything where a secret stood.
fn is_like(recorded: &str, came: &str) -> bool {
    let mut parts = recorded.split(REMOVED);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = came.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_place_of_the_first_difference_is_told() {
        let recorded = json!({"model": "m", "messages": [{"role": "user", "content": "Why?"}]});
        let change = |pointer: &str, value: Value| {
            let mut came = recorded.clone();
            *came.pointer_mut(pointer).unwrap() = value;
            in_json(&recorded, &came, "body").unwrap()
        };
        assert_eq!(
            change("/messages/0/content", json!("How?")),
            r#""Why?" in `body.messages[0].content`, not "How?""#
        );
        assert_eq!(
            change("/messages", json!([])),
            "1 items in `body.messages`, not 0"
        );
        assert_eq!(
            change("/messages/0", json!({"role": "user"})),
            "`body.messages[0].content`, which didn't come"
        );
        assert_eq!(
            change(
                "/messages/0",
                json!({"role": "user", "content": "Why?", "name": "x"})
            ),
            "no `body.messages[0].name`, which came"
        );
        assert_eq!(in_json(&recorded, &recorded.clone(), "body"), None);
    }

    #[test]
    fn anything_may_stand_for_a_secret() {
        assert!(is_like("a", "a"));
        assert!(!is_like("a", "ab"));
        assert!(is_like("a[removed]c", "abbbc"));
        assert!(is_like("[removed]", ""));
        assert!(is_like("x[removed]y[removed]z", "x1y2z"));
        assert!(!is_like("x[removed]y[removed]z", "x1z"));
        assert!(!is_like("a[removed]", "b"));
    }
}
