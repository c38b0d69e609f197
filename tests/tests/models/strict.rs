//! The strict form of schemas: golden files, and a server that refuses what strict mode refuses.

use std::collections::BTreeMap;

use mainstem::{Agent, ErrorKind, OutputMode, models::strict_schema, structured::Schema};
use mainstem_testkit::{Reply, strict};
use mainstem_tests::{golden, model, server_with, within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// An address, as a letter has it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Address {
    /// Street and number.
    street: String,
    #[serde(default)]
    country: Country,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Country {
    /// The country of four languages.
    #[default]
    Switzerland,
    Elsewhere,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Person {
    /// The full name.
    #[schemars(length(min = 1, max = 80), regex(pattern = "^[A-Z]"))]
    name: String,
    #[schemars(range(min = 0, max = 150))]
    age: Option<u8>,
    #[schemars(email)]
    mail: Option<String>,
    home: Address,
    work: Option<Address>,
    #[schemars(length(max = 3))]
    tags: Vec<String>,
    #[serde(default = "one")]
    score: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shape {
    Circle {
        radius: f64,
    },
    /// Four sides.
    Box {
        width: f64,
        height: Option<f64>,
    },
    Nothing,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Loose {
    Number(i64),
    Text(String),
    Many(Vec<Loose>),
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum External {
    Unit,
    One(String),
    Fields { a: u8 },
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree {
    value: i32,
    left: Option<Box<Tree>>,
    children: Vec<Tree>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Holder {
    shape: Shape,
    shapes: Vec<Shape>,
    loose: Loose,
    external: External,
    flag: bool,
    id: char,
    unit: (),
    tiny: i8,
    big: u64,
    newtype: Meters,
}

/// A length.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Meters(f32);

#[derive(Serialize, Deserialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Flat {
    #[serde(flatten)]
    address: Address,
    note: Option<String>,
}

/// Each type with a value of it, as JSON.
struct Case {
    name: &'static str,
    schema: Schema,
    value: Value,
    ask: fn(mainstem::models::ChatCompletions) -> Asked,
}

type Asked = futures::future::BoxFuture<'static, mainstem::Result<Value>>;

fn case<T>(name: &'static str, value: Value) -> Case
where
    T: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
{
    Case {
        name,
        schema: Schema::of::<T>().unwrap(),
        value,
        ask: ask::<T>,
    }
}

fn ask<T>(model: mainstem::models::ChatCompletions) -> Asked
where
    T: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
{
    Box::pin(async move {
        let agent = Agent::builder(model)
            .output::<T>()
            .output_mode(OutputMode::StrictSchema)
            .build()?;
        let output = agent.run("Hi").await?.output;
        Ok(serde_json::to_value(&output).unwrap())
    })
}

fn cases() -> Vec<Case> {
    let address = json!({"street": "Aare 1", "country": "switzerland"});
    let person = json!({
        "name": "Ada", "age": 36, "mail": null, "home": address, "work": address, "tags": ["a"], "score": 2.0,
    });
    let leaf = json!({"value": 2, "left": null, "children": []});
    let holder = json!({
        "shape": {"kind": "box", "width": 1.0, "height": null},
        "shapes": [{"kind": "circle", "radius": 1.0}, {"kind": "nothing"}],
        "loose": [1, "a", [2]], "external": {"Fields": {"a": 1}}, "flag": true, "id": "x",
        "unit": null, "tiny": -3, "big": 9, "newtype": 1.5,
    });
    vec![
        case::<Person>("nested_structs", person),
        case::<Address>("defaults", address.clone()),
        case::<Tree>(
            "recursive_root",
            json!({"value": 1, "left": leaf, "children": [leaf]}),
        ),
        case::<Vec<Tree>>("recursive_in_a_list", json!([leaf])),
        case::<Shape>("tagged_enum_root", json!({"kind": "circle", "radius": 1.0})),
        case::<Loose>("untagged_enum_root", json!([1, "a", [2]])),
        case::<External>("external_enum_root", json!({"One": "a"})),
        case::<Country>("unit_enum_root", json!("elsewhere")),
        case::<Holder>("many_kinds", holder),
        case::<Vec<Address>>("list_root", json!([address])),
        case::<u8>("number_root", json!(7)),
        case::<String>("text_root", json!("a \"b\" }")),
        case::<bool>("bool_root", json!(true)),
        case::<Option<Address>>("option_root", json!(null)),
        case::<Meters>("newtype_root", json!(1.5)),
        case::<Flat>(
            "flattened",
            json!({"street": "Aare 1", "country": "elsewhere", "note": "x"}),
        ),
    ]
}

#[test]
fn the_strict_form_is_what_its_golden_file_says_and_strict_mode_takes_it() {
    for case in cases() {
        let input = case.schema.as_value();
        let output = strict_schema(input).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        strict::check(&output).unwrap_or_else(|error| panic!("{}: {error}\n{output:#}", case.name));
        golden(
            &format!("strict/{}", case.name),
            &json!({"input": input, "output": output}),
        );
    }
}

/// What the strict form allows must fit the type's own schema.
#[test]
fn a_value_that_fits_the_type_fits_the_strict_form() {
    for case in cases() {
        let strict = Schema::from_value(strict_schema(case.schema.as_value()).unwrap()).unwrap();
        let wrapped = json!({"value": case.value});
        let fits = |schema: &Schema, value: &Value| {
            let mut checker = schema.checker();
            checker.feed(value.to_string().as_bytes()).is_ok() && checker.finish().is_ok()
        };
        assert!(
            fits(&case.schema, &case.value),
            "{}: the table is wrong",
            case.name
        );
        assert!(
            fits(&strict, &case.value) || fits(&strict, &wrapped),
            "{}",
            case.name
        );
    }
}

#[tokio::test]
async fn a_value_of_each_type_goes_all_the_way() {
    for case in cases() {
        let root = strict_schema(case.schema.as_value()).unwrap();
        let is_wrapped = case.schema.as_value().get("properties").is_none()
            && root["properties"].get("value").is_some();
        let text = if is_wrapped {
            json!({"value": case.value})
        } else {
            case.value.clone()
        };
        let pieces: Vec<String> = text.to_string().chars().map(String::from).collect();
        let server = server_with([Reply::text(pieces)]).await;
        let output = within((case.ask)(model(&server))).await;
        assert_eq!(
            output.unwrap_or_else(|error| panic!("{}: {error:?}", case.name)),
            case.value,
            "{}",
            case.name
        );
        assert_eq!(
            server.requests()[0].body["response_format"]["json_schema"]["strict"],
            true
        );
    }
}

#[test]
fn what_strict_mode_cannot_say_is_refused_with_its_place() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Free {
        list: Vec<BTreeMap<String, u8>>,
    }
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Any {
        anything: Value,
    }
    for (schema, place) in [
        (Schema::of::<Free>(), "#/properties/list/items"),
        (Schema::of::<Any>(), "#/properties/anything"),
        (Schema::of::<(u8, String)>(), "#/prefixItems"),
        (Schema::of::<BTreeMap<String, u8>>(), "at #"),
        (Schema::of::<Value>(), "at #"),
        // To schemars this is any object.
        (Schema::of::<Empty>(), "at #"),
    ] {
        let error = strict_schema(schema.unwrap().as_value()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(place), "{place}: {error}");
        assert!(error.message().contains("OutputMode"), "{error}");
    }
}
