use serde_json::Value;

use crate::refusal::Refusal;

const ROLES: [&str; 6] = [
    "developer",
    "system",
    "user",
    "assistant",
    "tool",
    "function",
];

/// Checks what every chat completions endpoint insists on.
pub(crate) fn check(body: &Value) -> Result<(), Refusal> {
    check_model(body)?;
    if !body["stream_options"].is_null() && body["stream"] != true {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Refusal::new("stream_options", message));
    }
    match body["messages"].as_array() {
        None => Err(missing("messages")),
        Some(messages) if messages.is_empty() => {
            let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, \
                           but got an empty array instead.";
            Err(Refusal::new("messages", message))
        }
        Some(messages) => check_messages(messages),
    }
}

/// Checks that there is a body, and a model in it.
pub(crate) fn check_model(body: &Value) -> Result<(), Refusal> {
    if !body.is_object() {
        let message = "We could not parse the JSON body of your request.";
        return Err(Refusal::new("body", message));
    }
    match &body["model"] {
        Value::String(model) if !model.is_empty() => Ok(()),
        _ => Err(Refusal::new("model", "you must provide a model parameter")),
    }
}

fn missing(param: &str) -> Refusal {
    Refusal::new(param, format!("Missing required parameter: '{param}'."))
}

fn check_messages(messages: &[Value]) -> Result<(), Refusal> {
    // The calls of the last assistant message that no tool message answers yet.
    let mut open = Vec::<&str>::new();
    for (index, message) in messages.iter().enumerate() {
        let role = check_role(index, message)?;
        if role == "tool" {
            answer(index, message, &mut open)?;
            continue;
        }
        refuse_open_calls(index, &open)?;
        check_content(index, role, message)?;
        if role == "assistant" {
            open = check_calls(index, message)?;
        }
    }
    refuse_open_calls(messages.len(), &open)
}

fn check_role(index: usize, message: &Value) -> Result<&str, Refusal> {
    let param = format!("messages[{index}].role");
    let Some(role) = message["role"].as_str() else {
        return Err(missing(&param));
    };
    if !ROLES.contains(&role) {
        let known = ROLES.map(|role| format!("'{role}'")).join(", ");
        let message = format!("Invalid value: '{role}'. Supported values are: {known}.");
        return Err(Refusal::new(param, message));
    }
    Ok(role)
}

/// Takes the call that a tool message answers from the open ones.
fn answer(index: usize, message: &Value, open: &mut Vec<&str>) -> Result<(), Refusal> {
    let param = format!("messages[{index}].tool_call_id");
    let Some(id) = message["tool_call_id"].as_str() else {
        return Err(missing(&param));
    };
    let Some(place) = open.iter().position(|call| *call == id) else {
        let message = "Invalid parameter: messages with role 'tool' must be a response to a \
                       preceeding message with 'tool_calls'.";
        return Err(Refusal::new(param, message));
    };
    open.remove(place);
    check_content(index, "tool", message)
}

fn refuse_open_calls(index: usize, open: &[&str]) -> Result<(), Refusal> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(Refusal::new(format!("messages[{index}].role"), message))
}

fn check_content(index: usize, role: &str, message: &Value) -> Result<(), Refusal> {
    let param = format!("messages[{index}].content");
    let stands_in = ["tool_calls", "function_call", "refusal", "audio"];
    match &message["content"] {
        Value::String(_) => Ok(()),
        Value::Array(parts) if !parts.is_empty() => Ok(()),
        Value::Null
            if role == "assistant" && stands_in.iter().any(|key| !message[key].is_null()) =>
        {
            Ok(())
        }
        Value::Null => Err(missing(&param)),
        _ => {
            let message = format!("Invalid type for '{param}': expected a string or an array.");
            Err(Refusal::new(param, message))
        }
    }
}

/// Returns the ids of the tool calls of an assistant message.
fn check_calls(index: usize, message: &Value) -> Result<Vec<&str>, Refusal> {
    let param = format!("messages[{index}].tool_calls");
    let calls = match &message["tool_calls"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(calls) if !calls.is_empty() => calls,
        _ => {
            let message = format!("Invalid '{param}': expected an array with minimum length 1.");
            return Err(Refusal::new(param, message));
        }
    };
    let mut ids = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let param = format!("{param}[{place}]");
        let function = &call["function"];
        if !function["name"].is_string() || !function["arguments"].is_string() {
            return Err(missing(&format!("{param}.function")));
        }
        ids.push(
            call["id"]
                .as_str()
                .ok_or_else(|| missing(&format!("{param}.id")))?,
        );
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(id: &str) -> Value {
        json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}},
        ]})
    }

    fn result(id: &str) -> Value {
        json!({"role": "tool", "tool_call_id": id, "content": "ok"})
    }

    fn messages(messages: &[Value]) -> Result<(), Refusal> {
        check(&json!({"model": "m", "messages": messages}))
    }

    #[test]
    fn accepts_a_conversation_with_answered_calls() {
        let user = json!({"role": "user", "content": [{"type": "text", "text": "hi"}]});
        assert_eq!(
            messages(&[user.clone(), call("1"), result("1"), user]),
            Ok(())
        );
    }

    #[test]
    fn refuses_the_rest_and_names_the_place() {
        let user = json!({"role": "user", "content": "hi"});
        let table = [
            (json!([]), "body"),
            (json!({"messages": [user]}), "model"),
            (json!({"model": "m"}), "messages"),
            (json!({"model": "m", "messages": []}), "messages"),
            (
                json!({"model": "m", "messages": [user], "stream_options": {}}),
                "stream_options",
            ),
            (
                json!({"model": "m", "messages": [{"content": "x"}]}),
                "messages[0].role",
            ),
            (
                json!({"model": "m", "messages": [{"role": "bot"}]}),
                "messages[0].role",
            ),
            (
                json!({"model": "m", "messages": [{"role": "user"}]}),
                "messages[0].content",
            ),
            (
                json!({"model": "m", "messages": [user, result("1")]}),
                "messages[1].tool_call_id",
            ),
            (
                json!({"model": "m", "messages": [call("1"), result("2")]}),
                "messages[1].tool_call_id",
            ),
            (
                json!({"model": "m", "messages": [call("1"), user]}),
                "messages[1].role",
            ),
            (
                json!({"model": "m", "messages": [user, call("1")]}),
                "messages[2].role",
            ),
            (
                json!({"model": "m", "messages": [{"role": "assistant", "content": "", "tool_calls": []}]}),
                "messages[0].tool_calls",
            ),
        ];
        for (body, param) in table {
            assert_eq!(check(&body).unwrap_err().param, param, "{body}");
        }
    }
}
