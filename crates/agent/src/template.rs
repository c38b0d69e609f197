use std::{borrow::Borrow, collections::HashSet, fmt, sync::Arc};

use mainstem_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::Value;

/// A prompt with places for values: `Write about {{topic}} in {{language|English}}.`
///
/// | | |
/// |---|---|
/// | `{{topic}}` | the field of that name; `{{user.name}}`, `{{birds.0}}` go deeper |
/// | `{{language\|English}}` | with a default, for a field that is missing or `null` |
/// | `{{RESULT}}` | the whole value: what the step before gives |
/// | `{{{{` | two braces |
///
/// Strings are inserted as they are, everything else as JSON. What is inserted is never looked at
/// again: a value that holds `{{topic}}` stays just that text. White space around a name is left out.
///
/// ```
/// use mainstem_agent::Template;
/// use serde_json::json;
///
/// let template = Template::new("Write about {{topic}} in {{language|English}}.")?;
/// assert_eq!(template.fill(&json!({"topic": "jays"}))?, "Write about jays in English.");
/// let injected = json!({"topic": "{{language}}", "language": "German"});
/// assert_eq!(template.fill(&injected)?, "Write about {{language}} in German.");
///
/// let error = template.fill(&json!({})).unwrap_err();
/// assert_eq!(
///     error.message(),
///     "the template needs `topic`, which isn't given; give it, or a default by `{{topic|..}}`"
/// );
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Arc<[Piece]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place {
        name: String,
        default: Option<String>,
    },
}

/// The name that stands for the whole value.
const WHOLE: &str = "RESULT";

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], with the byte where it is: a place that isn't closed, or has no
    /// name.
    pub fn new(text: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("{{") {
            let open = at + found;
            plain.push_str(&text[at..open]);
            if text[open..].starts_with("{{{{") {
                plain.push_str("{{");
                at = open + 4;
                continue;
            }
            let inside = &text[open + 2..];
            let Some(length) = inside.find("}}") else {
                return Err(misread(
                    open,
                    "isn't closed; close it with `}}`, or write `{{{{` for braces",
                ));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(place(open, &inside[..length])?);
            at = open + 2 + length + 2;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces.into()))
    }

    /// The names that it needs values for, in their order, each once.
    ///
    /// ```
    /// use mainstem_agent::Template;
    ///
    /// let template = Template::new("{{b}} {{a|1}} {{b}}")?;
    /// assert_eq!(template.names().collect::<Vec<_>>(), ["b", "a"]);
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        let names = self.0.iter().filter_map(|piece| match piece {
            Piece::Place { name, .. } => Some(name.as_str()),
            Piece::Text(_) => None,
        });
        names.filter(move |name| seen.insert(*name))
    }

    /// The prompt, with the fields of a value in the places.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Input`], if a field is missing or `null` and has no default; of kind
    /// [`ErrorKind::Value`], if the value can't be JSON.
    pub fn fill<T: Serialize + ?Sized>(&self, value: &T) -> Result<String> {
        let value = serde_json::to_value(value).map_err(|error| {
            let message = "what the template is filled with can't be JSON";
            Error::new(ErrorKind::Value, message).with_source(error)
        })?;
        self.fill_by(|name| find(&value, name)).map_err(missing)
    }

    /// The prompt, with what is found under the names in the places; the first name under which nothing is
    /// found, if it has no default.
    pub(crate) fn fill_by<V: Borrow<Value>>(
        &self,
        find: impl Fn(&str) -> Option<V>,
    ) -> Result<String, &str> {
        let mut text = String::new();
        for piece in self.0.iter() {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Place { name, default } => match (find(name), default) {
                    (Some(found), _) => match found.borrow() {
                        Value::String(found) => text.push_str(found),
                        found => text.push_str(&found.to_string()),
                    },
                    (None, Some(default)) => text.push_str(default),
                    (None, None) => return Err(name),
                },
            }
        }
        Ok(text)
    }
}

/// What stands between the braces.
fn place(open: usize, inside: &str) -> Result<Piece> {
    let (name, default) = match inside.split_once('|') {
        Some((name, default)) => (name, Some(default.trim().to_owned())),
        None => (inside, None),
    };
    let name = name.trim();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(misread(
            open,
            "has no name of letters, digits, `_`, `-` and `.`",
        ));
    }
    Ok(Piece::Place {
        name: name.to_owned(),
        default,
    })
}

fn misread(open: usize, what: &str) -> Error {
    let message = format!("the template's place at byte {open} {what}");
    Error::new(ErrorKind::Config, message)
}

fn missing(name: &str) -> Error {
    let message = format!(
        "the template needs `{name}`, which isn't given; give it, or a default by `{{{{{name}|..}}}}`"
    );
    Error::new(ErrorKind::Input, message)
}

fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let found = match value {
        Value::Object(fields) if fields.contains_key(name) => fields.get(name),
        _ if name == WHOLE => Some(value),
        _ => return inside(value, name),
    };
    found.filter(|found| !found.is_null())
}

/// What is in a value under a name such as `birds.0.name`.
pub(crate) fn inside<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let step = |value: &'a Value, key: &str| match value {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    };
    let found = name.split('.').try_fold(value, step);
    found.filter(|found| !found.is_null())
}

/// The template, as it is written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.iter() {
            match piece {
                Piece::Text(plain) => f.write_str(&plain.replace("{{", "{{{{"))?,
                Piece::Place { name, default } => match default {
                    Some(default) => write!(f, "{{{{{name}|{default}}}}}")?,
                    None => write!(f, "{{{{{name}}}}}")?,
                },
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fill(template: &str, value: &Value) -> Result<String> {
        Template::new(template)?.fill(value)
    }

    #[test]
    fn places_are_filled_by_name() -> Result<()> {
        let value = json!({"a": "x", "n": 7, "in": {"b": [true, "y"]}, "no": null, "d.e": 1});
        for (template, text) in [
            ("{{a}}{{ a }}", "xx"),
            (
                "{{n}} {{in.b}} {{in.b.0}} {{in.b.1}}",
                "7 [true,\"y\"] true y",
            ),
            ("{{no|none}} {{gone| two words }}", "none two words"),
            ("{{gone|}}.", "."),
            ("{{d.e}}", "1"),
            ("{{{{a}} {a} }} { {", "{{a}} {a} }} { {"),
            ("", ""),
        ] {
            assert_eq!(fill(template, &value)?, text, "{template}");
        }
        Ok(())
    }

    #[test]
    fn the_whole_value_has_a_name() -> Result<()> {
        assert_eq!(fill("<{{RESULT}}>", &json!("text"))?, "<text>");
        assert_eq!(fill("<{{RESULT}}>", &json!([1, 2]))?, "<[1,2]>");
        assert_eq!(fill("<{{RESULT}}>", &json!({"RESULT": "own"}))?, "<own>");
        Ok(())
    }

    #[test]
    fn what_cant_be_read_is_refused_with_its_place() {
        for (template, message) in [
            ("ab {{c", "at byte 3 isn't closed"),
            ("{{}}", "at byte 0 has no name"),
            ("{{a b}}", "at byte 0 has no name"),
            ("{{a}}{{|x}}", "at byte 5 has no name"),
        ] {
            let error = Template::new(template).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(message), "{error}");
        }
    }

    #[test]
    fn a_missing_value_is_an_error_that_names_it_and_shows_no_other() {
        for value in [json!({"secret": "s3"}), json!({"topic": null}), json!("s3")] {
            let error = fill("{{topic}}", &value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.message().contains("`topic`"), "{error}");
            assert!(!format!("{error:?}").contains("s3"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_inserted_is_never_expanded(a in ".*", b in ".*", plain in "[^{]*") {
            let value = json!({"a": a, "b": b});
            let text = fill(&format!("{plain}{{{{a}}}}{{{{b}}}}{plain}"), &value).unwrap();
            prop_assert_eq!(text, format!("{plain}{a}{b}{plain}"));
        }

        #[test]
        fn it_reads_what_it_writes(text in "([a-z{}|. ]|\\{\\{[a-z]{1,3}(\\|[a-z]*)?\\}\\})*") {
            if let Ok(template) = Template::new(&text) {
                prop_assert_eq!(Template::new(&template.to_string()).unwrap(), template);
            }
        }
    }
}
