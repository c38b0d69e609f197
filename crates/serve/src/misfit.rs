//! What is wrong with JSON that doesn't fit: the place and what was expected, and never the content.

use std::fmt::{self, Write as _};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_path_to_error::{Path, Segment};

/// JSON that isn't what is read.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// The place, as a JSON pointer; empty at the top.
    pub(crate) pointer: String,
    /// What is wrong there.
    pub(crate) what: String,
    /// Whether it isn't JSON at all.
    pub(crate) is_no_json: bool,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Reads JSON as a `T`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Misfit> {
    // The place costs something: it is looked for when it is needed.
    serde_json::from_str(text).map_err(|error| {
        let mut json = serde_json::Deserializer::from_str(text);
        let traced = serde_path_to_error::deserialize::<_, T>(&mut json).err();
        let pointer = traced.map(|traced| pointer(traced.path()));
        Misfit {
            pointer: pointer.unwrap_or_default(),
            what: what(&error.to_string()),
            is_no_json: !error.is_data(),
            line: error.line(),
            column: error.column(),
        }
    })
}

/// Reads a JSON object as a `T`: what clients send has names for its fields, at the top and within.
pub(crate) fn read_object<T: DeserializeOwned>(text: &str) -> Result<T, Misfit> {
    read::<Object<T>>(text).map(|object| object.0)
}

/// A struct that is read from an object alone: serde takes an array for one, too, its fields in their
/// order, and checks no names then.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields(std::marker::PhantomData);
        deserializer.deserialize_map(fields).map(Self)
    }
}

struct Fields<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        // Writing to a string doesn't fail.
        let _ = match segment {
            Segment::Seq { index } => write!(pointer, "/{index}"),
            Segment::Map { key } => write!(pointer, "/{}", name(key).unwrap_or("…")),
            Segment::Enum { .. } | Segment::Unknown => Ok(()),
        };
    }
    pointer
}

/// A name, if it is one: not whatever was sent in its place.
fn name(key: &str) -> Option<&str> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let is_one = !key.is_empty() && key.bytes().all(is_name);
    is_one.then(|| &key[..key.len().min(40)])
}

/// What serde says of the type that is read, without what it says of the JSON.
fn what(told: &str) -> String {
    // What was sent comes first, and may say anything; what is ours comes last.
    let told = told.rsplit_once(" at line ").map_or(told, |(told, _)| told);
    if told.starts_with("missing field `") || told.starts_with("duplicate field `") {
        return told.to_owned();
    }
    let expected = told.rsplit_once(", expected ").map(|(_, it)| it);
    if let Some(field) = told.strip_prefix("unknown field `") {
        let field = field.split('`').next().and_then(name);
        let unknown = match field {
            Some(field) => format!("unknown field `{field}`"),
            None => "an unknown field".to_owned(),
        };
        return match expected {
            Some(expected) => format!("{unknown}, expected {expected}"),
            None => unknown,
        };
    }
    let is_known = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .any(|prefix| told.starts_with(prefix));
    match expected {
        Some(expected) if is_known => format!("expected {}", plain(expected)),
        Some(expected) if told.starts_with("unknown variant `") => format!("expected {expected}"),
        _ => "the value isn't one that is taken there".to_owned(),
    }
}

/// What JSON has for a type of Rust.
fn plain(expected: &str) -> &str {
    let first = expected.split(' ').next().unwrap_or_default();
    match (first, expected) {
        (_, "a map") | ("struct" | "internally" | "adjacently", _) => "an object",
        (_, "a sequence") | ("tuple", _) => "an array",
        ("enum", _) | (_, "variant identifier") => {
            "one of its variants: a string, or an object with one field"
        }
        (_, "a borrowed string" | "string") => "a string",
        (_, "unit") | ("unit", _) => "null",
        ("f32" | "f64", _) => "a number",
        ("u8", _) => "a whole number from 0 to 255",
        ("u16", _) => "a whole number from 0 to 65535",
        ("u32" | "u64" | "u128" | "usize", _) => "a whole number that isn't negative",
        ("i8" | "i16" | "i32" | "i64" | "i128" | "isize", _) => "a whole number",
        _ if expected.starts_with("a nonzero ") => "a whole number that isn't 0",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, num::NonZeroUsize};

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)] // read for its errors
    struct Trip {
        city: String,
        days: Vec<Day>,
        #[serde(default)]
        costs: BTreeMap<String, u64>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Day {
        hours: u8,
        by: Option<By>,
        stops: Option<NonZeroUsize>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum By {
        Boat,
        Rail,
    }

    #[test]
    fn what_doesnt_fit_is_told_by_its_place_and_never_by_its_content() {
        for (json, pointer, what) in [
            (r#""secret""#, "", "expected an object"),
            (r#"{"days": []}"#, "", "missing field `city`"),
            (r#"{"city": 7, "days": []}"#, "/city", "expected a string"),
            (
                r#"{"city": "secret", "days": [{"hours": 1}, {"hours": "secret"}]}"#,
                "/days/1/hours",
                "expected a whole number from 0 to 255",
            ),
            (
                r#"{"city": "", "days": [{"hours": 300}]}"#,
                "/days/0/hours",
                "expected a whole number from 0 to 255",
            ),
            (
                r#"{"city": "", "days": [{"hours": 3, "by": "secret"}]}"#,
                "/days/0/by",
                "expected `boat` or `rail`",
            ),
            (
                r#"{"city": "", "days": [{"hours": 3, "stops": 0}]}"#,
                "/days/0/stops",
                "expected a whole number that isn't 0",
            ),
            (
                r#"{"city": "", "days": "secret, expected secret at line 1"}"#,
                "/days",
                "expected an array",
            ),
            (
                r#"{"city": "", "city": "secret"}"#,
                "",
                "duplicate field `city`",
            ),
            (
                r#"{"city": "", "days": [], "costs": {"my secret": ""}}"#,
                "/costs/…",
                "expected a whole number that isn't negative",
            ),
        ] {
            let misfit = read::<Trip>(json).unwrap_err();
            assert_eq!((&*misfit.pointer, &*misfit.what), (pointer, what), "{json}");
            assert!(!misfit.is_no_json && !format!("{misfit:?}").contains("secret"));
        }
    }

    #[test]
    fn a_field_that_isnt_known_is_named_if_it_is_a_name() {
        for (field, told) in [
            (
                "town",
                "unknown field `town`, expected one of `city`, `days`, `costs`",
            ),
            (
                "a secret`, expected",
                "an unknown field, expected one of `city`, `days`, `costs`",
            ),
        ] {
            let json = format!("{{{field:?}: 7}}");
            let misfit = read::<Trip>(&json).unwrap_err();
            assert_eq!(misfit.what, told);
            assert!(!misfit.pointer.contains("secret"), "{}", misfit.pointer);
        }
        let long = format!("{{\"{}\": 7}}", "x".repeat(99));
        let misfit = read::<Trip>(&long).unwrap_err();
        assert!(misfit.what.contains(&format!("`{}`,", "x".repeat(40))));
    }

    #[test]
    fn an_array_is_no_struct() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code)]
        struct Trips {
            trips: Vec<Object<Trip>>,
        }
        for (json, pointer, what) in [
            (r#"[["secret"]]"#, "", "expected an object"),
            (
                r#"{"trips": [["secret", []]]}"#,
                "/trips/0",
                "expected an object",
            ),
            (
                r#"{"trips": [{"city": "", "days": [], "town": "secret"}]}"#,
                "/trips/0/town",
                "unknown field `town`, expected one of `city`, `days`, `costs`",
            ),
        ] {
            let misfit = read_object::<Trips>(json).unwrap_err();
            assert_eq!((&*misfit.pointer, &*misfit.what), (pointer, what), "{json}");
        }
        let trips = read_object::<Trips>(r#"{"trips": [{"city": "a", "days": []}]}"#).unwrap();
        assert_eq!(trips.trips[0].0.city, "a");
    }

    #[test]
    fn what_is_no_json_is_told_so() {
        assert!(read::<Trip>("{").unwrap_err().is_no_json);
        assert!(read::<String>(r#""a" b"#).unwrap_err().is_no_json);
    }
}
