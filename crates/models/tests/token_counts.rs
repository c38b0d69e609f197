//! How far counters of tokens are from what OpenAI reports, by recorded exchanges.
#![allow(clippy::unwrap_used, clippy::panic)]
#![cfg(feature = "openai-tokens")]

use std::{fs, path::Path};

use mainstem_core::{
    Message, ModelRequest, OutputSpec, Part, Role, RoughTokens, TokenCounter, ToolCallPart,
    ToolSpec,
};
use mainstem_models::OpenAiTokens;
use mainstem_structured::Schema;
use serde::Deserialize;

const BEGIN: &str = "<!-- begin: written by crates/models/tests/token_counts.rs -->\n";
const END: &str = "<!-- end -->\n";

#[derive(Deserialize)]
struct Recorded {
    recorded: Vec<Exchange>,
}

/// What was asked and answered, and what the provider counted.
#[derive(Deserialize)]
struct Exchange {
    source: String,
    model: String,
    /// Who says it, and what; a call of a tool is its name and its arguments.
    messages: Vec<Vec<String>>,
    #[serde(default)]
    tools: Vec<ToolSpec>,
    schema: Option<serde_json::Value>,
    answer: Vec<String>,
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    reasoning_tokens: u64,
}

fn exchanges() -> Vec<Exchange> {
    let table = include_str!("recorded_usage/exchanges.json");
    serde_json::from_str::<Recorded>(table).unwrap().recorded
}

fn message(words: &[String]) -> Message {
    let texts = || words[1..].iter().map(|text| Part::text(text.clone()));
    match &*words[0] {
        "system" => Message::new(Role::System, texts()),
        "user" => Message::new(Role::User, texts()),
        "assistant" => Message::new(Role::Assistant, texts()),
        "result" => Message::tool_result("call_1", words[1].clone()),
        "call" => {
            let call = ToolCallPart::new("call_1", words[1].clone(), words[2].clone());
            Message::new(Role::Assistant, [Part::ToolCall(call)])
        }
        other => panic!("{other}"),
    }
}

fn request(exchange: &Exchange) -> ModelRequest {
    let mut request = ModelRequest::new(exchange.messages.iter().map(|words| message(words)));
    request.tools.clone_from(&exchange.tools);
    let schema = exchange.schema.clone();
    request.output = schema.map(|schema| OutputSpec::new(Schema::from_value(schema).unwrap()));
    request
}

/// The counter of a model, by its name.
type CounterOf = dyn Fn(&str) -> Box<dyn TokenCounter>;

/// The error of a counter on what is sent and on what is written, by exchange.
fn errors(counter: &CounterOf) -> [Vec<(f64, String)>; 2] {
    let (mut sent, mut written) = (Vec::new(), Vec::new());
    for exchange in exchanges() {
        let counter = counter(&exchange.model);
        let input = counter.count_request(&request(&exchange));
        let output = match &exchange.answer[..] {
            [_, name, arguments] => counter.count_call(name, arguments),
            words => counter.count(&words[1]),
        };
        let shown = exchange.output_tokens - exchange.reasoning_tokens;
        let name = format!("{} ({})", exchange.source, exchange.model);
        sent.push((error(input, exchange.input_tokens), name.clone()));
        written.push((error(output, shown), name));
    }
    [sent, written]
}

fn error(counted: u64, reported: u64) -> f64 {
    counted.abs_diff(reported) as f64 / reported as f64
}

fn row(name: &str, what: &str, errors: &[(f64, String)]) -> String {
    let mean = errors.iter().map(|(error, _)| error).sum::<f64>() / errors.len() as f64;
    let worst = errors.iter().map(|(error, _)| *error).fold(0.0, f64::max);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    format!(
        "| {name} | {what} | {} | {} |\n",
        percent(mean),
        percent(worst)
    )
}

#[test]
fn the_page_says_how_far_they_are_off() {
    let exact = |model: &str| -> Box<dyn TokenCounter> {
        Box::new(OpenAiTokens::of_model(model).expect("a model of OpenAI"))
    };
    let rough = |_: &str| -> Box<dyn TokenCounter> { Box::new(RoughTokens) };
    let mut table = format!(
        "Over {} recorded exchanges of OpenAI's chat completions:\n\n\
         | counter | of | mean error | worst error |\n|---|---|---|---|\n",
        exchanges().len()
    );
    let counters: [(&str, &CounterOf); 2] = [("`OpenAiTokens`", &exact), ("`RoughTokens`", &rough)];
    for (name, counter) in counters {
        let [sent, written] = errors(counter);
        table.push_str(&row(name, "input", &sent));
        table.push_str(&row(name, "output, without reasoning", &written));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limits.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has the table");
    let (found, after) = rest.split_once(END).expect("the table ends");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(page, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "run it with UPDATE_GOLDEN=1");
    }
}

#[test]
fn what_is_sent_is_counted_about_right() {
    for exchange in exchanges() {
        let counter = OpenAiTokens::of_model(&exchange.model).unwrap();
        let counted = counter.count_request(&request(&exchange));
        let off = error(counted, exchange.input_tokens);
        let (source, reported) = (&exchange.source, exchange.input_tokens);
        println!("{counted:4} {reported:4} {source}");
        assert!(off < 0.35, "{source}: {counted}, reported {reported}");
    }
}
