use serde_json::Value;

use crate::refusal::Refusal;
use crate::{shape, strict};

/// Checks what the Responses API insists on.
pub(crate) fn check(body: &Value) -> Result<(), Refusal> {
    shape::check_model(body)?;
    let input = &body["input"];
    match input {
        Value::String(text) if !text.is_empty() => {}
        Value::Array(items) if !items.is_empty() => check_items(items)?,
        Value::Null => return Err(missing("input")),
        _ => {
            let message = "Invalid 'input': expected a text or a list with minimum length 1.";
            return Err(Refusal::new("input", message));
        }
    }
    let wants_json = body["text"]["format"]["type"] == "json_object";
    if wants_json && !input.to_string().to_lowercase().contains("json") {
        let message = "Response input messages must contain the word 'json' in some form to use \
                       'text.format' of type 'json_object'.";
        return Err(Refusal::new("input", message));
    }
    for name in ["messages", "stop", "seed", "max_tokens", "response_format"] {
        if !body[name].is_null() {
            let message = format!("Unknown parameter: '{name}'.");
            return Err(Refusal::new(name, message));
        }
    }
    Ok(())
}

fn missing(param: &str) -> Refusal {
    Refusal::new(param, format!("Missing required parameter: '{param}'."))
}

fn check_items(items: &[Value]) -> Result<(), Refusal> {
    let mut open = Vec::<&str>::new();
    for (index, item) in items.iter().enumerate() {
        let param = format!("input[{index}]");
        match item["type"].as_str().unwrap_or("message") {
            "message" => check_message(&param, item)?,
            "function_call" => {
                for field in ["call_id", "name", "arguments"] {
                    text(&param, item, field)?;
                }
                open.extend(item["call_id"].as_str());
            }
            "function_call_output" => {
                let id = text(&param, item, "call_id")?;
                text(&param, item, "output")?;
                let Some(place) = open.iter().position(|call| *call == id) else {
                    let message =
                        format!("No tool call found for function call output with call_id {id}.");
                    return Err(Refusal::new("input", message));
                };
                open.remove(place);
            }
            "reasoning" => check_reasoning(&param, item, items.get(index + 1))?,
            _ => {}
        }
    }
    match open.first() {
        None => Ok(()),
        Some(id) => {
            let message = format!("No tool output found for function call {id}.");
            Err(Refusal::new("input", message))
        }
    }
}

fn text<'a>(param: &str, item: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    let found = item[field].as_str();
    found.ok_or_else(|| missing(&format!("{param}.{field}")))
}

fn check_message(param: &str, item: &Value) -> Result<(), Refusal> {
    let role = text(param, item, "role")?;
    if !["user", "assistant", "system", "developer"].contains(&role) {
        let message = format!("Invalid value: '{role}'.");
        return Err(Refusal::new(format!("{param}.role"), message));
    }
    match &item["content"] {
        Value::String(_) => Ok(()),
        Value::Array(parts) if !parts.is_empty() => Ok(()),
        _ => Err(missing(&format!("{param}.content"))),
    }
}

/// Checks that a server that keeps nothing can read the thoughts, and what they led to.
fn check_reasoning(param: &str, item: &Value, next: Option<&Value>) -> Result<(), Refusal> {
    let id = text(param, item, "id")?;
    if !item["summary"].is_array() {
        return Err(missing(&format!("{param}.summary")));
    }
    if !item["encrypted_content"].is_string() {
        let message = format!(
            "Item with id '{id}' not found. Items are not persisted when `store` is set to false."
        );
        return Err(Refusal::new("input", message));
    }
    let follows = |next: &Value| next["role"].is_null() || next["role"] == "assistant";
    if next.is_some_and(follows) {
        return Ok(());
    }
    let message = format!(
        "Item '{id}' of type 'reasoning' was provided without its required following item."
    );
    Err(Refusal::new("input", message))
}

/// Checks the schemas of a request that ask for strict mode, and the names of all.
pub(crate) fn check_schemas(body: &Value) -> Result<(), Refusal> {
    let format = &body["text"]["format"];
    if format["type"] == "json_schema" {
        strict::check_format(format, "text.format", "text.format")?;
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    for (index, tool) in tools.enumerate() {
        if tool["type"] == "function" {
            strict::check_function(tool, &format!("tools[{index}]"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conversation_with_thoughts_and_answered_calls_is_accepted() {
        let input = json!([
            {"role": "user", "content": "hi"},
            {"type": "reasoning", "id": "rs_0", "summary": [], "encrypted_content": "x"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "ok"},
        ]);
        assert_eq!(check(&json!({"model": "m", "input": input})), Ok(()));
        assert_eq!(check(&json!({"model": "m", "input": "hi"})), Ok(()));
    }

    #[test]
    fn the_rest_is_refused_and_its_place_named() {
        let thought =
            json!({"type": "reasoning", "id": "rs_0", "summary": [], "encrypted_content": "x"});
        let user = json!({"role": "user", "content": "hi"});
        for (body, param) in [
            (json!({"model": "m"}), "input"),
            (json!({"model": "m", "input": []}), "input"),
            (json!({"model": "m", "input": "hi", "stop": ["x"]}), "stop"),
            (
                json!({"model": "m", "input": "hi", "text": {"format": {"type": "json_object"}}}),
                "input",
            ),
            (
                json!({"model": "m", "input": [{"role": "bot", "content": "x"}]}),
                "input[0].role",
            ),
            (
                json!({"model": "m", "input": [{"role": "user"}]}),
                "input[0].content",
            ),
            (
                json!({"model": "m", "input": [{"type": "function_call", "call_id": "1"}]}),
                "input[0].name",
            ),
            (
                json!({"model": "m", "input": [{"type": "function_call_output", "call_id": "1", "output": ""}]}),
                "input",
            ),
            (json!({"model": "m", "input": [thought, user]}), "input"),
            (
                json!({"model": "m", "input": [{"type": "reasoning", "id": "rs_0", "summary": []}]}),
                "input",
            ),
        ] {
            assert_eq!(check(&body).unwrap_err().param, param, "{body}");
        }
    }

    #[test]
    fn strict_schemas_are_looked_at() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let format = |strict| json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": strict}}});
        let tool = |strict| json!({"tools": [{"type": "function", "name": "n", "parameters": schema, "strict": strict}]});
        assert_eq!(
            check_schemas(&format(true)).unwrap_err().param,
            "text.format"
        );
        assert_eq!(
            check_schemas(&tool(true)).unwrap_err().param,
            "tools[0].parameters"
        );
        assert_eq!(check_schemas(&format(false)), Ok(()));
        assert_eq!(check_schemas(&tool(false)), Ok(()));
    }
}
