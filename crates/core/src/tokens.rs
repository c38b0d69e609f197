//! How many tokens something is.

use std::sync::Arc;

use serde_json::Value;

use crate::{Message, ModelRequest, Part, ToolSpec};

/// What a chat format puts around each message: three tokens, and its role.
///
/// This and what follows is from "How to count tokens with tiktoken" of the OpenAI cookbook, for its
/// models since GPT-4o.
const PER_MESSAGE: u64 = 4;

/// What a message's name costs beside its own tokens.
const PER_NAME: u64 = 1;

/// Each answer begins with three tokens, which count as input.
const PER_REQUEST: u64 = 3;

/// What a tool costs beside its words, its parameters, each of them, each of their permitted values,
/// and a list of tools once.
const PER_TOOL: u64 = 7;
const PER_PARAMETERS: u64 = 3;
const PER_PARAMETER: u64 = 3;
const PER_CHOICE: u64 = 3;
const PER_TOOLS: u64 = 12;

/// What a call of a tool costs beside its name and its arguments: no source says, but recorded
/// exchanges do (`crates/models/tests/recorded_usage`).
const PER_CALL: u64 = 8;

/// What a picture, a document or a sound counts as: a picture of 1024 by 1024 in full detail, as
/// OpenAI's older models count it.
const PER_MEDIUM: u64 = 765;

/// Counts the tokens of texts and of requests, before a model is asked or where a provider doesn't say.
///
/// It is an estimate, and used as one: for limits that are to be known beforehand, and for usage that a
/// provider didn't send, which is then marked as [`estimated`](crate::Usage::estimated). One method has
/// to be written; a request is counted by it, piece by piece.
///
/// [`RoughTokens`] needs no vocabulary. Better ones are behind features of `mainstem-models`.
///
/// ```
/// use mainstem_core::{Message, ModelRequest, RoughTokens, TokenCounter};
///
/// let request = ModelRequest::new([Message::user("Why is the sky blue?")]);
/// assert_eq!(RoughTokens.count("Why is the sky blue?"), 5);
/// // Four more around the message, and three that begin the answer.
/// assert_eq!(RoughTokens.count_request(&request), 12);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't count tokens",
    note = "a counter of your own implements `TokenCounter`: the tokens of a text; `RoughTokens` guesses"
)]
pub trait TokenCounter: Send + Sync + 'static {
    /// The tokens of a text.
    fn count(&self, text: &str) -> u64;

    /// The tokens of a message with what the chat format puts around it.
    ///
    /// As OpenAI documents it for its chat models: 3 a message, 1 for its role, and 1 for a name. A tool
    /// call counts by [`count_call`](Self::count_call), reasoning is its text. A picture, a document or a sound is 765, whatever
    /// its size: that of a picture of 1024 by 1024 in full detail.
    fn count_message(&self, message: &Message) -> u64 {
        let name = message.name.as_ref();
        let name = name.map_or(0, |name| PER_NAME + self.count(name));
        let parts = message.parts.iter().map(|part| match part {
            Part::Text(part) | Part::Refusal(part) => self.count(&part.text),
            Part::Reasoning(part) => self.count(&part.text),
            Part::Image(_) | Part::File(_) | Part::Audio(_) => PER_MEDIUM,
            Part::ToolCall(call) => self.count_call(&call.name, &call.arguments),
            Part::ToolResult(result) => self.count(&result.output),
        });
        PER_MESSAGE + name + parts.sum::<u64>()
    }

    /// The tokens of a call of a tool: its name, its arguments, and 8 more.
    fn count_call(&self, name: &str, arguments: &str) -> u64 {
        PER_CALL + self.count(name) + self.count(arguments)
    }

    /// The tokens of what a model is told of a tool.
    ///
    /// As OpenAI documents it: 7 and its words, and of each parameter 3 and its name, type and
    /// description. A parameter that has others inside counts by the JSON of its schema.
    fn count_tool(&self, tool: &ToolSpec) -> u64 {
        let words = format!("{}:{}", tool.name, tool.description);
        let parameters = tool.parameters["properties"].as_object();
        let parameters = parameters.filter(|all| !all.is_empty()).map_or(0, |all| {
            let each = all
                .iter()
                .map(|(name, schema)| parameter(self, name, schema));
            PER_PARAMETERS + each.sum::<u64>()
        });
        PER_TOOL + self.count(words.trim_end_matches('.')) + parameters
    }

    /// The input tokens of a whole request: instructions, messages, tools and the output's schema, with
    /// what a chat format puts around them, and the three with which each answer begins.
    ///
    /// Fields of [`extra_body`](crate::ModelSettings::extra_body) aren't counted.
    fn count_request(&self, request: &ModelRequest) -> u64 {
        let instructions = request.instructions.as_ref();
        let instructions = instructions.map_or(0, |text| PER_MESSAGE + self.count(text));
        let messages = request.messages.iter().map(|it| self.count_message(it));
        let tools = request.tools.iter().map(|tool| self.count_tool(tool));
        let list = if request.tools.is_empty() {
            0
        } else {
            PER_TOOLS
        };
        let output = request.output.as_ref().map_or(0, |output| {
            self.count(&output.schema.as_value().to_string())
        });
        PER_REQUEST + instructions + messages.sum::<u64>() + tools.sum::<u64>() + list + output
    }
}

fn parameter<C: TokenCounter + ?Sized>(counter: &C, name: &str, schema: &Value) -> u64 {
    let Some(kind) = schema["type"]
        .as_str()
        .filter(|kind| !matches!(*kind, "object" | "array"))
    else {
        return PER_PARAMETER + counter.count(name) + counter.count(&schema.to_string());
    };
    let words = schema["description"].as_str().unwrap_or_default();
    let words = words.trim_end_matches('.');
    let choices = schema["enum"].as_array().map_or(0, |choices| {
        let each = choices
            .iter()
            .map(|it| PER_CHOICE + counter.count(&it.to_string()));
        each.sum::<u64>().saturating_sub(PER_CHOICE)
    });
    PER_PARAMETER + counter.count(&format!("{name}:{kind}:{words}")) + choices
}

impl<C: TokenCounter + ?Sized> TokenCounter for Arc<C> {
    fn count(&self, text: &str) -> u64 {
        (**self).count(text)
    }

    fn count_message(&self, message: &Message) -> u64 {
        (**self).count_message(message)
    }

    fn count_call(&self, name: &str, arguments: &str) -> u64 {
        (**self).count_call(name, arguments)
    }

    fn count_tool(&self, tool: &ToolSpec) -> u64 {
        (**self).count_tool(tool)
    }

    fn count_request(&self, request: &ModelRequest) -> u64 {
        (**self).count_request(request)
    }
}

/// A token for every four bytes, rounded up.
///
/// For English prose that is about right, and for most other texts too many or too few: JSON and other
/// scripts than Latin may be off by half. It costs nothing but the length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoughTokens;

impl RoughTokens {
    /// The tokens of a text of that many bytes.
    pub const fn count_bytes(self, bytes: usize) -> u64 {
        bytes.div_ceil(4) as u64
    }
}

impl TokenCounter for RoughTokens {
    fn count(&self, text: &str) -> u64 {
        self.count_bytes(text.len())
    }
}

#[cfg(test)]
mod tests {
    use mainstem_structured::Schema;
    use serde_json::json;

    use super::*;
    use crate::{OutputSpec, ToolCallPart};

    /// Bytes, so that each part can be told by its length.
    struct Bytes;

    impl TokenCounter for Bytes {
        fn count(&self, text: &str) -> u64 {
            text.len() as u64
        }
    }

    #[test]
    fn all_that_is_sent_counts() {
        let mut request = ModelRequest::default();
        assert_eq!(Bytes.count_request(&request), PER_REQUEST);

        request.instructions = Some("jay".into());
        assert_eq!(Bytes.count_request(&request), 3 + 7);

        let mut named = Message::user("hello");
        named.name = Some("Ada".into());
        request.messages.push(named);
        assert_eq!(Bytes.count_request(&request), 10 + 4 + 5 + 1 + 3);

        let call = Part::ToolCall(ToolCallPart::new("call_1", "find", "{}"));
        let said = [call, Part::image_url("https://example.org/jay.png")];
        request
            .messages
            .push(Message::new(crate::Role::Assistant, said));
        request.messages.push(Message::tool_result("call_1", "[]"));
        let before = Bytes.count_request(&request);
        assert_eq!(before, 23 + (4 + 8 + 4 + 2 + PER_MEDIUM) + (4 + 2));

        request.tools = vec![ToolSpec::new("find", "Finds.", json!({}))];
        let with_tools = Bytes.count_request(&request);
        let tool = PER_TOOL + "find:Finds".len() as u64;
        assert_eq!(with_tools, before + PER_TOOLS + tool);

        let schema = Schema::from_value(json!({"type": "string"})).unwrap();
        request.output = Some(OutputSpec::new(schema));
        let text = r#"{"type":"string"}"#.len() as u64;
        assert_eq!(Bytes.count_request(&request), with_tools + text);
    }

    #[test]
    fn the_parameters_of_a_tool_count() {
        let tool = |parameter: Value| {
            let parameters = json!({"type": "object", "properties": {"of": parameter}});
            let tool = ToolSpec::new("find", "", parameters);
            Bytes.count_tool(&tool) - PER_TOOL - "find:".len() as u64 - PER_PARAMETERS
        };
        let plain = tool(json!({"type": "string", "description": "What."}));
        assert_eq!(plain, PER_PARAMETER + "of:string:What".len() as u64);
        let choice = tool(json!({"type": "string", "enum": ["a", "b"]}));
        let words = "of:string:".len() as u64;
        assert_eq!(choice, PER_PARAMETER + words + PER_CHOICE + 2 * 3);
        let list = json!({"type": "array", "items": {}});
        let text = list.to_string().len() as u64;
        assert_eq!(tool(list), PER_PARAMETER + 2 + text);
    }

    #[test]
    fn a_shared_counter_counts_as_the_counter_does() {
        let shared: Arc<dyn TokenCounter> = Arc::new(Bytes);
        let request = ModelRequest::new([Message::user("jay")]);
        assert_eq!(
            shared.count_request(&request),
            Bytes.count_request(&request)
        );
        assert_eq!(shared.count("jay"), 3);
    }

    #[test]
    fn a_begun_token_is_one() {
        let counts = ["", "j", "jays", "jays!"].map(|text| RoughTokens.count(text));
        assert_eq!(counts, [0, 1, 1, 2]);
    }
}
