//! What the random tests have found.

use mainstem_structured::Schema;
use serde_json::json;

use crate::feeding::every_way;

#[test]
fn a_name_that_begins_the_name_before_it() {
    let schema = Schema::from_value(json!({
        "type": "object",
        "properties": {"name": {}, "na": {}},
        "additionalProperties": false,
    }));
    let schema = schema.unwrap();
    for text in [r#"{"na": 1, "name": 2}"#, r#"{"name": 1, "na": 2}"#] {
        let verdict = every_way(&schema, text.as_bytes(), usize::MAX);
        assert!(verdict.is_valid(), "{verdict:?}");
    }
    let twice = every_way(&schema, br#"{"na": 1, "na": 2}"#, usize::MAX);
    assert_eq!(twice.violation.unwrap().offset, 13);
}
