//! Answers as clients give them, before a run goes on with them: what it is told can't be taken back.

use std::collections::BTreeSet;

use mainstem_core::{Answer, Error, ErrorKind, Json, Result, Text};
use serde::{Deserialize, Deserializer};

use crate::misfit::Object;

/// An answer, or why there is none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    id: Text,
    #[serde(default, deserialize_with = "present")]
    value: Option<Json>,
    #[serde(default)]
    refused: Option<Text>,
}

/// Reads a field that is there: `null` is a value, not its absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

impl TryFrom<Given> for Answer {
    type Error = Error;

    fn try_from(given: Given) -> Result<Self> {
        let value = match (given.value, &given.refused) {
            (Some(value), _) => value,
            (None, Some(_)) => Json::null(),
            (None, None) => {
                let why = "has no `value`; give one, which may be `null`, or say by `refused` why there \
                           is none";
                return Err(wrong(&given.id, why));
            }
        };
        let mut answer = Self::new(given.id, value);
        answer.refused = given.refused;
        Ok(answer)
    }
}

/// The answers, if each says one thing.
pub(crate) fn answers(given: Vec<Object<Given>>) -> Result<Vec<Answer>> {
    let given = given.into_iter();
    given.map(|given| Answer::try_from(given.0)).collect()
}

/// Refuses answers that say nothing, or two things.
pub(crate) fn check(answers: &[Answer]) -> Result<()> {
    if answers.is_empty() {
        let message = "there is no answer in `answers`; give one at least, as \
                       `{\"id\": …, \"value\": …}`";
        return Err(Error::new(ErrorKind::Value, message));
    }
    let mut ids = BTreeSet::new();
    for answer in answers {
        if !ids.insert(&*answer.id) {
            let why = "is there twice; give it once";
            return Err(wrong(&answer.id, why));
        }
        if answer.refused.is_some() && answer.value != Json::null() {
            let why = "has a `value`, and is `refused`; leave out one of them";
            return Err(wrong(&answer.id, why));
        }
    }
    Ok(())
}

fn wrong(id: &str, why: &str) -> Error {
    // An id, and not whatever a client sends as one.
    let id: String = id.chars().take(64).collect();
    Error::new(ErrorKind::Value, format!("the answer `{id}` {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_one_thing() {
        let read = |json: &str| -> Result<Vec<Answer>> {
            let answers = answers(serde_json::from_str(json).unwrap())?;
            check(&answers)?;
            Ok(answers)
        };
        for right in [
            r#"[{"id": "a", "value": "secret"}, {"id": "b", "value": null}]"#,
            r#"[{"id": "a", "refused": "not today"}]"#,
            r#"[{"id": "a", "value": null, "refused": "not today"}]"#,
        ] {
            assert!(read(right).is_ok(), "{right}");
        }
        for (wrong, told) in [
            ("[]", "no answer in `answers`"),
            (r#"[{"id": "a"}]"#, "the answer `a` has no `value`"),
            (
                r#"[{"id": "a", "value": "secret", "refused": "x"}]"#,
                "the answer `a` has a `value`, and is `refused`",
            ),
            (
                r#"[{"id": "a", "value": "secret"}, {"id": "a", "value": 2}]"#,
                "the answer `a` is there twice",
            ),
        ] {
            let error = read(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Value);
            let shown = error.message();
            assert!(shown.contains(told) && !shown.contains("secret"), "{shown}");
        }
    }
}
