//! The demo model's documents, judged by their schemas.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(dead_code)]

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use futures::StreamExt;
use mainstem_agent::Agent;
use mainstem_core::{
    Error, ErrorKind, Message, Model, ModelEvent, ModelRequest, ModelSettings, OutputSpec,
};
use mainstem_models::demo::DemoModel;
use mainstem_structured::Schema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

async fn document(schema: Value) -> Result<String, Error> {
    let mut request = ModelRequest::new([Message::user("Tell me about time limits of a run.")]);
    request.output = Some(OutputSpec::new(Schema::from_value(schema).unwrap()));
    written(request).await
}

async fn written(request: ModelRequest) -> Result<String, Error> {
    let mut events = DemoModel::new().with_delay(Duration::ZERO).stream(request);
    let mut text = String::new();
    while let Some(event) = events.next().await.transpose()? {
        if let ModelEvent::Text(piece) = event {
            text.push_str(&piece);
        }
    }
    Ok(text)
}

async fn follows(schema: Value) -> Value {
    let text = match document(schema.clone()).await {
        Ok(text) => text,
        Err(error) => panic!("{error}: {schema}"),
    };
    let mut checker = Schema::from_value(schema.clone()).unwrap().checker();
    checker.feed(text.as_bytes()).unwrap();
    if let Err(violation) = checker.finish() {
        panic!("{violation}: {text} for {schema}");
    }
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn documents_follow_their_schemas() {
    let schemas = [
        json!(true),
        json!({}),
        json!({"type": "null"}),
        json!({"type": "boolean"}),
        json!({"const": {"a": [1]}}),
        json!({"enum": [3, "x"]}),
        json!({"type": "integer", "minimum": 100, "multipleOf": 7}),
        json!({"type": "integer", "exclusiveMinimum": -5, "exclusiveMaximum": -3}),
        json!({"type": "integer", "minimum": 18_446_744_073_709_551_000_u64}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "number", "minimum": 0.25, "multipleOf": 0.1}),
        json!({"type": "string", "minLength": 200}),
        json!({"type": "string", "minLength": 1, "maxLength": 1}),
        json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"}),
        json!({"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$", "minLength": 12, "maxLength": 20}),
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 5}),
        json!({"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": true, "minItems": 3}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": false, "minItems": 2}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3}),
        json!({"type": "object", "patternProperties": {"^\\d+$": {"type": "string"}}, "additionalProperties": false}),
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"not": {}}}, "required": ["a"]}),
        json!({"required": ["free"], "additionalProperties": {"type": "boolean"}}),
        json!({"type": ["string", "null"], "maxLength": 3}),
        json!({"allOf": [
            {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
            {"properties": {"a": {"minimum": 10}, "b": {"type": "string"}}, "required": ["b"]},
        ]}),
        json!({"anyOf": [{"not": {}}, {"type": "integer", "minimum": 3}]}),
        json!({"type": "object", "propertyNames": {"enum": ["a"]}, "additionalProperties": true, "maxProperties": 4}),
        json!({"type": "array", "items": {"type": "boolean"}, "uniqueItems": true}),
        json!({"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"],
            "oneOf": [{"properties": {"kind": {"const": "x"}}}, {"properties": {"kind": {"const": "y"}}}]}),
        json!({"$ref": "#/$defs/node", "$defs": {"node": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}},
            "required": ["value"],
        }}}),
        json!({"$ref": "#/$defs/expr", "$defs": {"expr": {"oneOf": [
            {"type": "array", "items": {"$ref": "#/$defs/expr"}, "minItems": 2},
            {"type": "integer"},
        ]}}}),
    ];
    for schema in schemas {
        follows(schema).await;
    }
}

#[tokio::test]
async fn formats_look_like_what_they_are() {
    let formats = [
        "date-time",
        "date",
        "time",
        "email",
        "uri",
        "uuid",
        "ipv4",
        "ipv6",
        "hostname",
    ];
    let properties: serde_json::Map<String, Value> = formats
        .iter()
        .map(|format| {
            (
                (*format).to_owned(),
                json!({"type": "string", "format": format}),
            )
        })
        .collect();
    let required: Vec<_> = properties.keys().cloned().collect();
    let document =
        follows(json!({"type": "object", "properties": properties, "required": required})).await;
    assert!(document["date-time"].as_str().unwrap().ends_with('Z'));
    assert!(document["email"].as_str().unwrap().contains('@'));
    assert!(document["uri"].as_str().unwrap().starts_with("https://"));
    assert_eq!(document["uuid"].as_str().unwrap().len(), 36);
    assert!(
        document["ipv4"]
            .as_str()
            .unwrap()
            .parse::<std::net::Ipv4Addr>()
            .is_ok()
    );
    assert!(
        document["ipv6"]
            .as_str()
            .unwrap()
            .parse::<std::net::Ipv6Addr>()
            .is_ok()
    );
}

/// What somebody who tries it out sees: plausible, and plainly not the answer of a model.
#[tokio::test]
async fn texts_say_that_they_are_a_demo() {
    let schema = json!({"type": "object", "required": ["name", "summary", "habitat", "colors"], "properties": {
        "name": {"type": "string"},
        "summary": {"type": "string"},
        "habitat": {"type": "string"},
        "colors": {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": true},
    }});
    for (question, name, summary) in [
        (
            "Describe a wombat.",
            "Demo: wombat",
            "Demo: this is what a model would write about wombat.",
        ),
        (
            "Which time limits does a run have?",
            "Demo: Time limits",
            "Demo: TimeLimits say how long",
        ),
    ] {
        let mut request = ModelRequest::new([Message::user(question)]);
        request.output = Some(OutputSpec::new(Schema::from_value(schema.clone()).unwrap()));
        let written = written(request).await.unwrap();
        let bird: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(bird["name"], name);
        assert!(
            bird["summary"].as_str().unwrap().starts_with(summary),
            "{bird}"
        );
        assert_eq!(bird["habitat"], "demo habitat");
        assert_eq!(
            bird["colors"],
            json!(["demo colors", "demo colors 2", "demo colors 3"])
        );
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Article {
    title: String,
    summary: Option<String>,
    sections: Vec<Chapter>,
    tags: BTreeSet<Tag>,
    counts: HashMap<String, u32>,
    by_number: HashMap<u16, String>,
    names: HashMap<String, bool>,
    titles: BTreeSet<String>,
    place: (String, i8, f32),
    letter: char,
    size: [u8; 3],
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Chapter {
    /// Its heading.
    heading: String,
    state: State,
    inner: Vec<Chapter>,
    next: Option<Box<Chapter>>,
}

/// A tag.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Tag {
    /// The first.
    New,
    /// The second.
    Old,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum State {
    Draft { since: u64 },
    Done(Details),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Details {
    score: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum External {
    Pair(Box<External>, Box<External>),
    Named { left: Box<External> },
    Leaf(i64),
    Unit,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    A(Vec<Adjacent>),
    B,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    List(Vec<Untagged>),
    Number(f64),
    Text(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    details: Details,
    #[serde(flatten)]
    tree: Tree,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Tree {
    #[schemars(length(min = 2), regex(pattern = "^[a-z]+$"))]
    name: String,
    #[schemars(range(min = 0.5, max = 0.75))]
    weight: f32,
    children: Vec<Tree>,
}

async fn follows_type<T: JsonSchema + Serialize + for<'de> Deserialize<'de>>() -> T {
    let document = follows(Schema::of::<T>().unwrap().as_value().clone()).await;
    match serde_json::from_value(document.clone()) {
        Ok(value) => value,
        Err(error) => panic!("{error}: {document}"),
    }
}

#[tokio::test]
async fn documents_are_read_as_the_types_whose_schemas_they_follow() {
    let article: Article = follows_type().await;
    assert_eq!(article.sections.len(), 2);
    assert_eq!(article.tags.len(), 2);
    assert_eq!(article.counts.len(), 2);
    assert_eq!((article.names.len(), article.titles.len()), (2, 2));
    assert!(article.summary.is_some());
    follows_type::<Chapter>().await;
    follows_type::<State>().await;
    follows_type::<External>().await;
    follows_type::<Adjacent>().await;
    follows_type::<Untagged>().await;
    follows_type::<Flat>().await;
    follows_type::<Tree>().await;
    follows_type::<Option<Tag>>().await;
    follows_type::<()>().await;
    follows_type::<(u8, String, Vec<bool>)>().await;
    follows_type::<Vec<HashMap<String, Option<i64>>>>().await;
}

#[tokio::test]
async fn what_it_cannot_follow_it_names() {
    let object = |member: Value| json!({"type": "object", "properties": {"a": {"type": "array", "items": member, "minItems": 1}}, "required": ["a"]});
    let table = [
        (
            object(json!({"not": {"type": "string"}})),
            "`not` at `/a/0`",
        ),
        (
            object(json!({"type": "string", "pattern": "x\\By"})),
            "`pattern` at `/a/0`",
        ),
        (object(json!({"if": {}, "then": false})), "`if` at `/a/0`"),
        (
            object(json!({"type": "string", "format": "uuid", "maxLength": 5})),
            "`maxLength` at `/a/0`",
        ),
        (
            object(json!({"type": "integer", "minimum": 4, "maximum": 3})),
            "`minimum` at `/a/0`",
        ),
        (
            json!({"type": "array", "contains": {"type": "null"}}),
            "`contains` at `the root`",
        ),
        (
            json!({"type": "object", "minProperties": 2, "additionalProperties": false}),
            "`minProperties` at `the root`",
        ),
        (
            json!({"type": "string", "minLength": 1e15}),
            "`minLength` at `the root`",
        ),
        (
            json!({"type": "array", "minItems": 1e15}),
            "`minItems` at `the root`",
        ),
        (
            json!({"minProperties": 1e15}),
            "`minProperties` at `the root`",
        ),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
            "`$ref` at `the root`",
        ),
    ];
    for (schema, expected) in table {
        let error = document(schema).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().contains(expected),
            "{error}, not {expected}"
        );
    }
}

#[tokio::test]
async fn an_agent_gets_its_type_and_streams_its_json() {
    let model = DemoModel::new().with_delay(Duration::ZERO);
    let agent = Agent::builder(model).output::<Article>().build().unwrap();
    let mut run = agent.run_streamed("An article about memory.");
    let (mut text, mut pieces) = (String::new(), 0);
    while let Some(piece) = run.next_text().await.unwrap() {
        text.push_str(&piece);
        pieces += 1;
    }
    assert!(pieces > 20);
    let article = run.await.unwrap().output;
    assert_eq!(serde_json::from_str::<Article>(&text).unwrap(), article);

    let short = ModelSettings::new().max_output_tokens(3);
    let error = agent.run("An article.").settings(short).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}
