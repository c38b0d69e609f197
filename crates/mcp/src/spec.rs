//! What a model is told of a server's tool.

use mainstem_core::{Result, ToolSpec};
use mainstem_structured::Schema;
use serde_json::{Map, Value};

use crate::failure::config;

/// The most bytes of a name that providers of models take.
const LONGEST_NAME: usize = 64;

/// A server's tool as an agent takes it, with a name and a schema that providers take.
pub(crate) fn of(server: &str, prefix: &str, tool: &rmcp::model::Tool) -> Result<ToolSpec> {
    let name = name_of(prefix, &tool.name);
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(config(format!(
            "tool `{}` of MCP server `{server}` would be called `{name}`, and a name has 1 to {LONGEST_NAME} \
             characters; use a shorter prefix, or leave it out by `without([..])`",
            tool.name
        )));
    }
    let parameters = parameters_of(&tool.input_schema);
    let cant = |why: &str| {
        config(format!(
            "the arguments of tool `{}` of MCP server `{server}` {why}; leave it out by `without([..])`",
            tool.name
        ))
    };
    if parameters["type"] != "object" {
        return Err(cant("are no JSON object"));
    }
    Schema::from_value(parameters.clone())
        .map_err(|error| cant("have a schema that can't be used").with_source(error))?;
    let description = tool.description.as_deref().or(tool.title.as_deref());
    Ok(ToolSpec::new(
        name,
        description.unwrap_or_default(),
        parameters,
    ))
}

/// What can't stand in a name becomes `_`: MCP allows points and slashes.
fn name_of(prefix: &str, name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = prefix.chars().chain(name.chars());
    name.map(|c| if fits(c) { c } else { '_' }).collect()
}

/// An object, and of the newest draft, if it can be: by that one, documents are judged while they arrive.
pub(crate) fn parameters_of(schema: &Map<String, Value>) -> Value {
    let mut schema = Value::Object(schema.clone());
    let is_old = is_old(&schema);
    if let Value::Object(members) = &mut schema {
        members.entry("type").or_insert_with(|| "object".into());
        if !is_old {
            members.remove("$schema");
        }
    }
    schema
}

/// Whether there may be something in it that the newest draft reads otherwise than older ones.
fn is_old(schema: &Value) -> bool {
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(items) => return items.iter().any(is_old),
        _ => return false,
    };
    let has = |keyword: &str, is_old: fn(&Value) -> bool| members.get(keyword).is_some_and(is_old);
    has("items", Value::is_array)
        || has("id", Value::is_string)
        || has("exclusiveMinimum", Value::is_boolean)
        || has("exclusiveMaximum", Value::is_boolean)
        || ["additionalItems", "dependencies", "$recursiveRef"]
            .iter()
            .any(|keyword| members.contains_key(*keyword))
        // Beside a reference, they read nothing.
        || (members.contains_key("$ref") && members.len() > 1)
        || members.values().any(is_old)
}

#[cfg(test)]
mod tests {
    use std::{error::Error as _, sync::Arc};

    use serde_json::json;

    use super::*;

    fn tool(name: &'static str, schema: Value) -> rmcp::model::Tool {
        let Value::Object(schema) = schema else {
            unreachable!("a schema in these tests is an object")
        };
        rmcp::model::Tool::new(name, "It digs.", Arc::new(schema))
    }

    fn read(schema: Value) -> Value {
        of("s", "", &tool("dig", schema)).unwrap().parameters
    }

    #[test]
    fn names_become_what_providers_take() {
        let name = |prefix, name| of("s", prefix, &tool(name, json!({}))).unwrap().name;
        assert_eq!(name("", "read-file_2"), "read-file_2");
        assert_eq!(
            name("fs.", "admin.files/list all"),
            "fs_admin_files_list_all"
        );
        assert_eq!(name("", "größe"), "gr__e");
    }

    #[test]
    fn names_that_are_too_long_are_an_error() {
        let error = of("s", &"p".repeat(62), &tool("dig", json!({}))).unwrap_err();
        assert!(
            error.message().contains("a name has 1 to 64 characters"),
            "{error}"
        );
        assert!(of("s", "", &tool("", json!({}))).is_err());
    }

    #[test]
    fn a_schema_that_says_nothing_is_of_an_object() {
        assert_eq!(read(json!({})), json!({"type": "object"}));
    }

    #[test]
    fn schemas_of_older_drafts_stay_theirs_only_if_it_matters() {
        let old = "http://json-schema.org/draft-07/schema#";
        let plain =
            json!({"$schema": old, "type": "object", "properties": {"id": {"type": "number"}}});
        assert_eq!(read(plain).get("$schema"), None);
        let list =
            json!({"$schema": old, "type": "object", "properties": {"a": {"items": [true]}}});
        assert_eq!(read(list)["$schema"], old);
    }

    #[test]
    fn schemas_that_cant_be_used_name_the_tool_and_the_server() {
        for schema in [
            json!({"type": "array"}),
            json!({"type": ["object", "null"]}),
        ] {
            let error = of("files", "", &tool("dig", schema)).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("`dig`") && text.contains("`files`"), "{text}");
            assert!(text.contains("no JSON object"), "{text}");
        }
        let remote =
            json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}});
        let error = of("files", "", &tool("dig", remote)).unwrap_err();
        assert!(error.to_string().contains("can't be used"), "{error}");
        assert!(error.source().is_some());
    }
}
