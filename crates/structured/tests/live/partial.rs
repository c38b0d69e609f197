use std::{collections::BTreeMap, thread};

use mainstem_structured::{Document, Field, Schema};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Article {
    title: String,
    kind: Kind,
    words: u32,
    author: Option<Author>,
    tags: Vec<String>,
    #[serde(default)]
    other: BTreeMap<String, u8>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Author {
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Note,
    Notice,
}

const TEXT: &str = r#"{"title": "Jays", "kind": "notice", "words": 1299, "author": {"name": "Mo"}, "tags": ["a", "b"]}"#;

fn up_to(text: &str) -> Document {
    let mut document = Schema::of::<Article>().unwrap().document();
    let end = TEXT.find(text).unwrap() + text.len();
    document.feed(&TEXT.as_bytes()[..end]).unwrap();
    document
}

#[test]
fn a_field_is_absent_growing_or_complete() {
    let document = up_to(r#""Ja"#);
    let article = document.partial::<Article>();
    assert!(matches!(article.get("title"), Field::Growing(_)));
    assert_eq!(article.get("title").text(), Some("Ja"));
    assert_eq!(article.get("title").read::<String>(), None);
    assert!(article.get("words").is_absent());

    let document = up_to(r#""notice"#);
    let article = document.partial::<Article>();
    assert!(article.get("title").is_complete());
    assert_eq!(article.get("title").read(), Some("Jays".to_owned()));
    assert!(article.get("kind").is_absent(), "`note` is a kind, too");

    let document = up_to("129");
    let article = document.partial::<Article>();
    assert_eq!(article.get("kind").read(), Some(Kind::Notice));
    assert!(article.get("words").is_absent(), "it may become 1299");

    let document = up_to(r#""M"#);
    let article = document.partial::<Article>();
    assert_eq!(article.get("words").read(), Some(1299));
    assert!(!article.get("author").is_complete());
    assert_eq!(article.at("/author/name").text(), Some("M"));
    assert_eq!(article.get("author").get("name").text(), Some("M"));

    let document = up_to(r#"["a", "b"#);
    let article = document.partial::<Article>();
    let tags: Vec<_> = article.get("tags").items().collect();
    assert_eq!(
        (tags[0].is_complete(), tags[1].is_complete()),
        (true, false)
    );
    assert_eq!(article.read(), None);
    assert_eq!(article.to_value()["tags"], json!(["a", "b"]));

    let document = up_to(TEXT);
    let article = document.partial::<Article>();
    assert!(article.is_complete());
    assert_eq!(article.read().unwrap(), serde_json::from_str(TEXT).unwrap());
}

#[test]
fn before_the_first_byte_nothing_is_there() {
    let document = Schema::of::<Article>().unwrap().document();
    let article = document.partial::<Article>();
    assert!(article.root().is_absent());
    assert!(article.at("/author/name").is_absent());
    assert_eq!(article.to_value(), json!(null));
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let mut document = up_to(r#""Ja"#);
    let snapshot = document.partial::<Article>().snapshot();
    document.feed(br#"ys""#).unwrap();
    document.restart();
    assert_eq!(document.partial::<Article>().attempt(), 2);
    let copy = snapshot.clone();
    let seen = thread::spawn(move || snapshot.partial().get("title").text().map(str::to_owned));
    assert_eq!(seen.join().unwrap().as_deref(), Some("Ja"));
    assert_eq!(copy.partial().attempt(), 1);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic = "Article has no field `titel`"]
fn a_field_that_is_not_there_is_noticed() {
    up_to(r#""Ja"#).partial::<Article>().get("titel");
}

#[cfg(debug_assertions)]
#[test]
#[should_panic = "Article has nothing at `/author/nam`"]
fn a_place_that_is_not_there_is_noticed() {
    up_to(r#""Ja"#).partial::<Article>().at("/author/nam");
}
