//! What strict mode refuses, by itself and through the server.

use crate::client::{ask, request};
use mainstem_testkit::{Reply, ScriptedServer, strict};
use serde_json::{Map, Value, json};

/// Returns an object whose one property has this schema.
fn with(property: &Value) -> Value {
    object(&json!({"a": property}))
}

fn object(properties: &Value) -> Value {
    let required: Vec<String> = properties.as_object().unwrap().keys().cloned().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(object(&json!({})), |inner, _| with(&inner))
}

fn refusal(schema: &Value) -> String {
    strict::check(schema).unwrap_err().to_string()
}

#[test]
fn accepts_what_the_rules_allow() {
    let mut tree = with(&json!({"type": "array", "items": {"$ref": "#"}, "minItems": 1}));
    tree["$defs"] = json!({"leaf": object(&json!({}))});
    for schema in [
        object(&json!({})),
        with(
            &json!({"type": "string", "format": "uuid", "pattern": "x", "minLength": 1, "maxLength": 4}),
        ),
        with(&json!({"type": ["number", "null"], "minimum": 0, "multipleOf": 0.5})),
        with(&json!({"anyOf": [{"type": "string"}, object(&json!({})), {"type": "null"}]})),
        with(&json!({"enum": ["a", 1], "description": "d", "title": "t"})),
        with(&json!({"const": "a"})),
        nested(10),
        tree,
    ] {
        assert_eq!(strict::check(&schema), Ok(()), "{schema}");
    }
}

#[test]
fn refuses_keywords_and_names_their_place() {
    for keyword in [
        "allOf",
        "oneOf",
        "not",
        "dependentRequired",
        "dependentSchemas",
        "if",
        "then",
        "else",
        "patternProperties",
        "unevaluatedProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "contains",
        "minContains",
        "maxContains",
        "unevaluatedItems",
        "uniqueItems",
        "default",
        "prefixItems",
        "nullable",
    ] {
        let mut property = json!({"type": "string"});
        property[keyword] = json!(1);
        let expected = format!("In context=('properties', 'a'), '{keyword}' is not permitted.");
        assert_eq!(refusal(&with(&property)), expected);
    }
}

#[test]
fn refuses_each_broken_rule() {
    let missing = json!({"type": "object", "properties": {"a": {"type": "null"}}, "required": [], "additionalProperties": false});
    let extra = json!({"type": "object", "properties": {}, "required": ["b"], "additionalProperties": false});
    let open = json!({"type": "object", "properties": {}, "additionalProperties": true});
    let mut in_definition = with(&json!({"$ref": "#/$defs/d"}));
    in_definition["$defs"] = json!({"d": {"type": "object"}});
    let table = [
        (
            json!({"type": "array", "items": {}}),
            "In context=(), schema must be a JSON Schema of 'type: \"object\"'",
        ),
        (
            json!({"type": "object", "anyOf": []}),
            "In context=(), 'anyOf' is not permitted at the root",
        ),
        (
            json!({"type": "object"}),
            "In context=(), 'additionalProperties' is required to be supplied and to be false.",
        ),
        (open, "In context=(), 'additionalProperties'"),
        (missing, "Missing 'a'."),
        (extra, "Extra required key 'b' supplied."),
        (
            with(&json!({"type": "object"})),
            "In context=('properties', 'a'), 'additionalProperties'",
        ),
        (
            with(&json!({"type": "array"})),
            "In context=('properties', 'a'), array schema missing items.",
        ),
        (
            with(&json!({"type": "array", "items": {}})),
            "In context=('properties', 'a', 'items'), schema must have a 'type' key.",
        ),
        (
            with(&json!({"type": "thing"})),
            "\"thing\" is not a valid type.",
        ),
        (
            with(&json!({"type": "string", "format": "uri"})),
            "\"uri\" is not a valid format.",
        ),
        (with(&json!(true)), "is not a schema"),
        (
            with(&json!({"anyOf": []})),
            "'anyOf' must be an array with at least one schema.",
        ),
        (
            with(&json!({"anyOf": [{"type": "object"}]})),
            "In context=('properties', 'a', 'anyOf', '0'), 'additionalProperties'",
        ),
        (with(&json!({"enum": []})), "'enum' must be an array"),
        (
            with(&json!({"$ref": "#/$defs/x"})),
            "reference to component \"#/$defs/x\" which was not found",
        ),
        (
            with(&json!({"$ref": "other.json"})),
            "must stay within the schema",
        ),
        (
            with(&json!({"$ref": "#", "title": "t"})),
            "$ref cannot have keywords {'title'}.",
        ),
        (
            in_definition,
            "In context=('$defs', 'd'), 'additionalProperties'",
        ),
        (nested(11), "exceeds 10 levels of nesting"),
    ];
    for (schema, expected) in table {
        let message = refusal(&schema);
        assert!(
            message.contains(expected),
            "{message}\nshould say\n{expected}"
        );
    }
}

#[test]
fn counts_over_the_whole_schema() {
    let many = |count: usize, name: &str| -> Value {
        let property = |index| (format!("{name}{index}"), json!({"type": "null"}));
        object(&(0..count).map(property).collect::<Map<_, _>>().into())
    };
    assert!(strict::check(&many(5000, "p")).is_ok());
    assert!(refusal(&many(5001, "p")).contains("5000 properties"));
    assert!(refusal(&many(1300, &"n".repeat(100))).contains("120000 characters"));
    let values = |count: usize, length: usize| -> Value {
        let value = |index| format!("{index:0length$}");
        json!({"enum": (0..count).map(value).collect::<Vec<_>>()})
    };
    assert!(strict::check(&object(&json!({"a": values(500, 4), "b": values(500, 4)}))).is_ok());
    assert!(
        refusal(&object(&json!({"a": values(500, 4), "b": values(501, 4)})))
            .contains("1000 enum values")
    );
    assert!(strict::check(&with(&values(250, 100))).is_ok());
    assert!(refusal(&with(&values(251, 100))).contains("15000 characters"));
}

fn format(name: &str, strict: bool, schema: &Value) -> Value {
    let mut body = request(true);
    let format = json!({"name": name, "strict": strict, "schema": schema});
    body["response_format"] = json!({"type": "json_schema", "json_schema": format});
    body
}

fn tool(strict: bool, parameters: &Value) -> Value {
    let mut body = request(true);
    let function = json!({"name": "f", "strict": strict, "parameters": parameters});
    body["tools"] = json!([{"type": "function", "function": function}]);
    body
}

#[tokio::test]
async fn the_server_refuses_in_the_words_of_openai() {
    let server = ScriptedServer::start().await.unwrap();
    server.fallback(Reply::text(["a"]));
    let bad = with(&json!({"type": "object"}));
    let refused = ask(&server, &format("x", true, &bad)).await;
    assert_eq!(refused.status(), 400);
    let message = "Invalid schema for response_format 'x': In context=('properties', 'a'), \
                   'additionalProperties' is required to be supplied and to be false.";
    let error = json!({"message": message, "type": "invalid_request_error", "param": "response_format", "code": null});
    assert_eq!(refused.json(), json!({"error": error}));
    let refused = ask(&server, &tool(true, &bad)).await.json();
    assert_eq!(refused["error"]["param"], "tools[0].function.parameters");
    for body in [
        format("a b", false, &bad),
        format("", true, &object(&json!({}))),
    ] {
        assert_eq!(ask(&server, &body).await.status(), 400);
    }
    for body in [
        format("x", false, &bad),
        tool(false, &bad),
        format("x", true, &object(&json!({}))),
    ] {
        assert_eq!(ask(&server, &body).await.status(), 200);
    }
}

#[tokio::test]
async fn both_checks_can_be_switched_off() {
    let server = ScriptedServer::builder()
        .strict_schemas(false)
        .start()
        .await
        .unwrap();
    server.fallback(Reply::text(["a"]));
    assert_eq!(
        ask(&server, &format("x", true, &json!({}))).await.status(),
        200
    );
    assert_eq!(ask(&server, &json!({})).await.status(), 400);
    let server = ScriptedServer::builder()
        .validate_requests(false)
        .start()
        .await
        .unwrap();
    server.fallback(Reply::text(["a"]));
    assert_eq!(ask(&server, &json!({})).await.status(), 200);
    assert_eq!(
        ask(&server, &format("x", true, &json!({}))).await.status(),
        400
    );
}
