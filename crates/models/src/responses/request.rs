//! From a model request to the body of a request for a response.

use mainstem_core::{Error, ErrorKind, ModelRequest, Result, ToolChoice, ToolSpec};
use serde_json::{Map, Value, json};

use super::{
    Parts,
    input::{Carrier, input, system},
};
use crate::{
    http::Body,
    output::{Format, Held},
};

pub(super) fn body(model: &Parts, request: &ModelRequest) -> Result<Body> {
    let server = &model.server;
    let settings = &request.settings;
    if settings
        .stop
        .as_ref()
        .is_some_and(|texts| !texts.is_empty())
    {
        return Err(no_stop(&server.id));
    }
    let mut held = match &request.output {
        Some(output) => server.hold_to(output)?,
        None => Held::default(),
    };
    let carrier = Carrier {
        origin: server.data_origin(),
        store: model.store,
    };
    let mut items = input(request, carrier)?;
    // In the input, not in `instructions`: OpenAI looks for the word JSON there.
    if let Some(words) = &held.instructions {
        items.insert(0, system(words));
    }
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    set("model", json!(server.model));
    set("stream", json!(server.streaming));
    set("store", json!(model.store));
    if model.carries_reasoning && !model.store {
        set("include", json!(["reasoning.encrypted_content"]));
    }
    if let Some(instructions) = &request.instructions {
        set("instructions", json!(&**instructions));
    }
    set("input", Value::Array(items));
    let choice = held.choose(request);
    let tools: Vec<_> = request.tools.iter().chain(&held.tool).map(tool).collect();
    if !tools.is_empty() {
        set("tools", Value::Array(tools));
    }
    if let Some(choice) = &choice {
        set("tool_choice", tool_choice(choice));
    }
    if let Some(format) = &held.format {
        set("text", json!({"format": text_format(format)}));
    }
    if let Some(tokens) = settings.max_output_tokens {
        set("max_output_tokens", json!(tokens));
    }
    if let Some(reasoning) = reasoning(model, request) {
        set("reasoning", reasoning);
    }
    Body::of(fields, request, &held)
}

fn no_stop(id: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!(
            "the Responses API has no stop texts; leave out `stop`, or ask `{id}` by chat \
             completions"
        ),
    )
}

/// Strict unless it is said: then the API would rewrite the schema, and refuse many.
fn tool(spec: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "name": &*spec.name,
        "description": &*spec.description,
        "parameters": spec.parameters,
        "strict": false,
    })
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => named_tool(name),
        _ => json!("auto"),
    }
}

fn named_tool(name: &str) -> Value {
    json!({"type": "function", "name": name})
}

fn text_format(format: &Format) -> Value {
    match format {
        Format::JsonObject => json!({"type": "json_object"}),
        Format::Schema {
            name,
            schema,
            strict,
        } => json!({"type": "json_schema", "name": name, "schema": schema, "strict": strict}),
    }
}

fn reasoning(model: &Parts, request: &ModelRequest) -> Option<Value> {
    let mut reasoning = Map::new();
    if let Some(effort) = request.settings.reasoning_effort {
        reasoning.insert("effort".into(), json!(effort));
    }
    if let Some(summary) = model.reasoning_summary {
        reasoning.insert("summary".into(), summary.as_str().into());
    }
    (!reasoning.is_empty()).then_some(Value::Object(reasoning))
}
