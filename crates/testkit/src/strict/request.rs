use serde_json::Value;

use crate::refusal::Refusal;

/// Checks the schemas of a request that ask for strict mode, and the names of all.
pub(crate) fn check_request(body: &Value) -> Result<(), Refusal> {
    let format = &body["response_format"];
    if format["type"] == "json_schema" {
        let place = "response_format.json_schema";
        check_format(&format["json_schema"], place, "response_format")?;
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    for (index, tool) in tools.enumerate() {
        if tool["type"] == "function" {
            check_function(&tool["function"], &format!("tools[{index}].function"))?;
        }
    }
    Ok(())
}

/// Checks the schema of an output, which stands at a place of the request.
pub(crate) fn check_format(format: &Value, place: &str, param: &str) -> Result<(), Refusal> {
    let name = check_name(&format["name"], &format!("{place}.name"))?;
    if format["strict"] != true {
        return Ok(());
    }
    if format["schema"].is_null() {
        let param = format!("{place}.schema");
        let message = format!("Missing required parameter: '{param}'.");
        return Err(Refusal::new(param, message));
    }
    super::check(&format["schema"]).map_err(|error| {
        Refusal::new(
            param,
            format!("Invalid schema for {param} '{name}': {error}"),
        )
    })
}

/// Checks the parameters of a function, which stands at a place of the request.
pub(crate) fn check_function(function: &Value, place: &str) -> Result<(), Refusal> {
    let name = check_name(&function["name"], &format!("{place}.name"))?;
    if function["strict"] != true {
        return Ok(());
    }
    // A function without parameters takes none, and strict mode has nothing to refuse.
    let parameters = &function["parameters"];
    if parameters.is_null() {
        return Ok(());
    }
    super::check(parameters).map_err(|error| {
        let param = format!("{place}.parameters");
        Refusal::new(
            param,
            format!("Invalid schema for function '{name}': {error}"),
        )
    })
}

fn check_name<'a>(name: &'a Value, param: &str) -> Result<&'a str, Refusal> {
    let Some(name) = name.as_str() else {
        return Err(Refusal::new(
            param,
            format!("Missing required parameter: '{param}'."),
        ));
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
        let message = format!(
            "Invalid '{param}': string does not match pattern. \
             Expected a string that matches the pattern '^[a-zA-Z0-9_-]{{1,64}}$'."
        );
        return Err(Refusal::new(param, message));
    }
    Ok(name)
}
