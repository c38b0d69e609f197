use mainstem_structured::Schema;

use crate::{Message, ModelSettings, Recall, Text, ToolSpec};

/// What a model is asked.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelRequest {
    /// The application's instructions.
    pub instructions: Option<Text>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// The tools that it may call.
    pub tools: Vec<ToolSpec>,
    /// What its output must be; text, if none is given.
    pub output: Option<OutputSpec>,
    /// How it is to answer.
    pub settings: ModelSettings,
    /// Whether what is given of the answer can be taken back; no part of what is asked.
    pub recall: Recall,
}

impl ModelRequest {
    /// A request with nothing but a conversation.
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        Self {
            messages: messages.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Asks for the rest of an answer that was cut off, of which this was said.
    ///
    /// The model is shown what it has said, and told to go on exactly where that stops.
    ///
    /// ```
    /// use mainstem_core::{Message, ModelRequest, Role};
    ///
    /// let mut request = ModelRequest::new([Message::user("Name some birds.")]);
    /// request.go_on("Jays, wre");
    /// assert_eq!(request.messages[1], Message::assistant("Jays, wre"));
    /// assert_eq!(request.messages[2].role, Role::User);
    /// ```
    pub fn go_on(&mut self, said: impl Into<Text>) {
        const GO_ON: &str = "Your answer was cut off. Go on exactly where it stops, in the middle \
             of a word if need be. Repeat nothing, and don't mention the break.";
        self.messages.push(Message::assistant(said));
        self.messages.push(Message::user(GO_ON));
    }
}

/// What a model's output must be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutputSpec {
    /// Its schema.
    pub schema: Schema,
    /// How the model is held to it; the model's own best way, if none is given.
    pub mode: Option<OutputMode>,
}

impl OutputSpec {
    /// An output of a schema, by the model's own best way.
    pub fn new(schema: Schema) -> Self {
        Self { schema, mode: None }
    }
}

/// How a model is held to an output schema.
///
/// From the strongest to the weakest; not every provider knows every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputMode {
    /// The provider enforces the schema, in the form that OpenAI calls strict.
    StrictSchema,
    /// The provider is given the schema as it is.
    Schema,
    /// The provider enforces JSON; the schema stands in the instructions.
    JsonObject,
    /// The model must call a tool, [`OutputMode::TOOL`], whose arguments are the output. Where it has
    /// other tools, it may call those before it gives the output.
    ForcedTool,
    /// The schema stands in the instructions, and nothing is enforced.
    Prompt,
}

impl OutputMode {
    /// The name of the tool whose arguments are the output, by [`ForcedTool`](Self::ForcedTool).
    pub const TOOL: &'static str = "output";
}
