use std::{fmt, sync::Arc};

use mainstem_core::{
    Error, ErrorKind, Model, ModelSettings, OutputMode, OutputSpec, Result, Text, TimeLimits,
    TokenCounter, Tool,
};
use mainstem_structured::{Front, Schema, SchemaError};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Agent, Instructions, agent::Parts, guards::Guards, providers::Supply, tools::Tools};

/// How many turns an agent with tools has, unless it is told.
const MAX_TURNS: u32 = 10;

/// Sets up an [`Agent`]; made by [`Agent::builder`].
#[must_use = "an agent is made by `build`"]
pub struct AgentBuilder<T = String> {
    pub(crate) parts: Parts,
    read: fn(&str) -> serde_json::Result<T>,
    schema: Option<std::result::Result<Schema, SchemaError>>,
    output_mode: Option<OutputMode>,
    tools: Vec<Arc<dyn Tool>>,
    max_turns: Option<u32>,
}

impl AgentBuilder {
    pub(crate) fn new(model: impl Model) -> Self {
        Self {
            parts: Parts {
                name: "agent".into(),
                model: Arc::new(model),
                instructions: None,
                settings: ModelSettings::new(),
                time_limits: TimeLimits::default(),
                output: None,
                output_attempts: 1,
                hold_until_valid: false,
                continue_interrupted: false,
                front: None,
                max_input_bytes: None,
                max_input_tokens: None,
                token_counter: None,
                allow_empty_input: false,
                thread: None,
                supply: Supply::default(),
                guards: Guards::default(),
                tools: None,
                max_turns: MAX_TURNS,
            },
            read: |text| Ok(text.to_owned()),
            schema: None,
            output_mode: None,
            tools: Vec::new(),
            max_turns: None,
        }
    }
}

impl<T> AgentBuilder<T> {
    /// Names the agent; `agent` by default. The name is a segment of its events' paths.
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.parts.name = name.into();
        self
    }

    /// Tells the model what it is to do: a text, or a [`Template`](crate::Template) that is filled from the
    /// run's context, see [`Instructions`].
    pub fn instructions(mut self, instructions: impl Into<Instructions>) -> Self {
        self.parts.instructions = Some(instructions.into());
        self
    }

    /// Tells it more, after what it was told so far.
    pub(crate) fn add_instructions(mut self, more: impl Into<Instructions>) -> Self {
        match &mut self.parts.instructions {
            Some(told) => told.add(more),
            none => *none = Some(more.into()),
        }
        self
    }

    /// Sets temperature, limits and more; a run's own settings go before them.
    pub fn settings(mut self, settings: ModelSettings) -> Self {
        self.parts.settings = settings;
        self
    }

    /// Limits how long the model may keep a run waiting; a run's own limits go before them.
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.parts.time_limits = limits;
        self
    }

    /// Refuses inputs that are longer, in bytes; no limit by default.
    pub fn max_input_bytes(mut self, bytes: usize) -> Self {
        self.parts.max_input_bytes = Some(bytes);
        self
    }

    /// Refuses inputs that are longer, in tokens by the agent's [counter](Self::token_counter); no limit
    /// by default.
    ///
    /// The input is what a run is given. Of what goes to the model besides, the conversation, the
    /// instructions, tools and the schema, [`UsageLimits`](mainstem_core::UsageLimits) take account.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new();
    /// use mainstem_agent::Agent;
    /// use mainstem_core::{ErrorKind, RoughTokens};
    ///
    /// let agent = Agent::builder(model).token_counter(RoughTokens).max_input_tokens(3).build()?;
    /// let error = agent.run("Why is the sky blue?").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Input);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_input_tokens(mut self, tokens: u64) -> Self {
        self.parts.max_input_tokens = Some(tokens);
        self
    }

    /// Counts tokens: for [`max_input_tokens`](Self::max_input_tokens), for
    /// [limits of usage](mainstem_core::UsageLimits) before and while a model answers, and for answers
    /// whose provider sends no usage, or that broke off before it came.
    ///
    /// Without one the first isn't there, limits know of an answer when it has ended, and answers
    /// without usage are estimated by [`RoughTokens`](mainstem_core::RoughTokens).
    pub fn token_counter(mut self, counter: impl TokenCounter) -> Self {
        self.parts.token_counter = Some(Arc::new(counter));
        self
    }

    /// Counts tokens as another agent does.
    pub(crate) fn count_as(mut self, counter: Option<Arc<dyn TokenCounter>>) -> Self {
        self.parts.token_counter = counter;
        self
    }

    /// Sends empty inputs to the model; by default they are refused.
    pub fn allow_empty_input(mut self) -> Self {
        self.parts.allow_empty_input = true;
        self
    }

    /// Gives the agent a conversation of its own in each context, instead of the main one.
    pub fn thread(mut self, name: impl Into<Text>) -> Self {
        self.parts.thread = Some(name.into());
        self
    }

    /// Gives the model something to call: a function by [`tool_fn`](crate::tool_fn), an agent by
    /// [`as_tool`](crate::Agent::as_tool), another step by [`step_tool`](crate::step_tool).
    ///
    /// The model is asked again with the results, until it answers without a call. Its turns, and the calls, are
    /// steps inside of the agent's.
    pub fn tool(self, tool: impl Tool) -> Self {
        self.tools([tool])
    }

    /// Gives the model several things to call; see [`tool`](Self::tool).
    ///
    /// They are of one type: tools of several types are `Arc<dyn Tool>`s here, or are given one by one.
    pub fn tools<L: Tool>(mut self, tools: impl IntoIterator<Item = L>) -> Self {
        let tools = tools
            .into_iter()
            .map(|tool| Arc::new(tool) as Arc<dyn Tool>);
        self.tools.extend(tools);
        self
    }

    /// How often the model of an agent with tools is asked for a turn; 10 by default.
    ///
    /// If it still calls a tool in the last one, the call isn't made, and the run fails with an error of kind
    /// [`ErrorKind::Limit`] and the code `max_turns`.
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.max_turns = Some(turns);
        self
    }

    /// Makes the output a type, whose JSON the model writes.
    ///
    /// The stream shows the JSON text as it arrives; the run ends in the value. Text that isn't a
    /// `U` is an error of kind [`ErrorKind::Output`]; its [`partial`](Error::partial) keeps the raw
    /// text.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer([r#"{"name": "jay", "#, r#""eggs": 5}"#]);
    /// use mainstem_agent::Agent;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    /// struct Bird { name: String, eggs: u8 }
    ///
    /// let agent = Agent::builder(model).output::<Bird>().build()?;
    /// let bird = agent.run("A bird, please.").await?.output;
    /// assert_eq!((bird.name.as_str(), bird.eggs), ("jay", 5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn output<U>(self) -> AgentBuilder<U>
    where
        U: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
    {
        self.with_schema(Schema::of::<U>(), |text| serde_json::from_str(text))
    }

    /// Makes the output JSON of a schema that is known only at run time.
    pub fn output_schema(self, schema: serde_json::Value) -> AgentBuilder<serde_json::Value> {
        self.with_schema(Schema::from_value(schema), |text| {
            serde_json::from_str(text)
        })
    }

    pub(crate) fn with_schema<U>(
        self,
        schema: std::result::Result<Schema, SchemaError>,
        read: fn(&str) -> serde_json::Result<U>,
    ) -> AgentBuilder<U> {
        AgentBuilder {
            parts: self.parts,
            read,
            schema: Some(schema),
            output_mode: self.output_mode,
            tools: self.tools,
            max_turns: self.max_turns,
        }
    }

    /// Chooses how the model is held to the output's schema; by default the model's own best way.
    pub fn output_mode(mut self, mode: OutputMode) -> Self {
        self.output_mode = Some(mode);
        self
    }

    /// How often the model is asked in all, if its output doesn't fit; 1 by default: once.
    ///
    /// An output that breaks its schema ends the attempt at its first impossible byte: the model's
    /// connection closes, [`Retracted`](mainstem_core::Retracted) takes back what was shown of it, and
    /// the model is asked again, with its own text and what was wrong with it. So it is with an output
    /// that the type refuses, and with an empty one. Refusals, filters, outputs cut at their limit of
    /// tokens and failures of the model are not tried again. Usage counts over all attempts; the
    /// conversation keeps the last one alone.
    ///
    /// There is no other attempt, once a reader that can't take text back was given some (by
    /// `next_text`, `on_chunk` or items): see [`hold_until_valid`](Self::hold_until_valid).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// use mainstem_agent::Agent;
    ///
    /// let model = ScriptedModel::new().answer(["About five."]).answer(["5"]);
    /// let agent = Agent::builder(model).output::<u8>().output_attempts(2).build()?;
    /// assert_eq!(agent.run("How many eggs?").await?.output, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn output_attempts(mut self, attempts: u32) -> Self {
        self.parts.output_attempts = attempts;
        self
    }

    /// Lets the agent go on with an answer that was cut off, when its run is
    /// [resumed](crate::Agent::resume); by default the answer is retracted and asked for again.
    ///
    /// The model gets what it had said as its own message, and is told to go on where that stops. Its
    /// tokens aren't paid for twice, and readers go on reading; but how well the two parts fit is up to
    /// the model. It is for text: an agent with a typed output begins again.
    pub fn continue_interrupted(mut self) -> Self {
        self.parts.continue_interrupted = true;
        self
    }

    /// Shows nothing of the output's JSON before all of it is valid.
    ///
    /// Then it comes in pieces of at most 4 KiB. So each reader can be given further
    /// [attempts](Self::output_attempts), also one that can't take text back. Reasoning still streams.
    pub fn hold_until_valid(mut self) -> Self {
        self.parts.hold_until_valid = true;
        self
    }

    /// Looks for the JSON of the output in the model's text, and repairs it, as a [`Front`] says.
    ///
    /// By default the text is the JSON, where the model is held to a schema; where it was only asked
    /// for JSON ([`OutputMode::Prompt`], [`OutputMode::JsonObject`]), prose and a code fence around it
    /// are left out, and nothing is repaired. Only the JSON is shown; a repair is a notice with the
    /// code `output_repaired`. The conversation and [`partial`](Error::partial) keep the text as the
    /// model wrote it. With [`TextAfter::Stop`](mainstem_structured::TextAfter::Stop) the model's
    /// stream is dropped behind the JSON: that saves tokens, and the provider's count of them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["Three:\n```json\n", "[1, 2, ", "3,]\n```"]);
    /// use mainstem_agent::Agent;
    /// use mainstem_structured::{Front, Repairs};
    ///
    /// let front = Front::new().repairs(Repairs::none().trailing_commas(true));
    /// let agent = Agent::builder(model).output::<Vec<u8>>().front(front).build()?;
    /// assert_eq!(agent.run("Three numbers.").await?.output, [1, 2, 3]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn front(mut self, front: Front) -> Self {
        self.parts.front = Some(front);
        self
    }

    /// Makes the agent.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`], if the name is empty, the output's schema can't be used, no
    /// attempt is allowed, or an output mode, `hold_until_valid` or a front is set and there is no schema;
    /// if there is a limit of tokens and nothing that counts them; if two providers of context have the same
    /// name, there is a limit of context and none, or a summariser and no limit of the history; if two
    /// guards of the input, or of the output, have the same name; if a guard rewrites a typed output; if two tools have the same name, a tool's
    /// name or schema can't be used, or there are no tools and `max_turns` is set.
    pub fn build(self) -> Result<Agent<T>> {
        let mut parts = self.parts;
        if parts.name.trim().is_empty() {
            return Err(config("an agent needs a name that isn't empty"));
        }
        if parts.output_attempts == 0 {
            return Err(config(format!(
                "agent `{}` has 0 output attempts; 1 asks the model once",
                parts.name
            )));
        }
        if parts.max_input_tokens.is_some() && parts.token_counter.is_none() {
            return Err(config(format!(
                "agent `{}` limits its input in tokens, and nothing counts them; add a `token_counter`",
                parts.name
            )));
        }
        parts.check_supply()?;
        parts.guards.check(&parts.name, self.schema.is_some())?;
        parts.output = match self.schema {
            Some(Ok(schema)) => {
                let mut output = OutputSpec::new(schema);
                output.mode = self.output_mode;
                Some(output)
            }
            Some(Err(error)) => {
                let message = format!("agent `{}` can't use its output's schema", parts.name);
                return Err(config(message).with_source(error));
            }
            None if self.output_mode.is_some() => {
                let message = format!(
                    "agent `{}` has an output mode and no output type; add `output::<T>()`",
                    parts.name
                );
                return Err(config(message));
            }
            None if parts.hold_until_valid => {
                let message = format!(
                    "agent `{}` holds its output until it is valid, and has no output type; add \
                     `output::<T>()`",
                    parts.name
                );
                return Err(config(message));
            }
            None if parts.front.is_some() => {
                let message = format!(
                    "agent `{}` has a front and no output type; add `output::<T>()`",
                    parts.name
                );
                return Err(config(message));
            }
            None => None,
        };
        equip(&mut parts, self.tools, self.max_turns)?;
        Ok(Agent::new(parts, self.read))
    }
}

/// Makes the tools ready, and sees to it that the rest fits to them.
fn equip(parts: &mut Parts, tools: Vec<Arc<dyn Tool>>, max_turns: Option<u32>) -> Result<()> {
    let name = &parts.name;
    if tools.is_empty() {
        return match max_turns {
            Some(_) => Err(config(format!(
                "agent `{name}` has `max_turns` and no tools; it has one turn"
            ))),
            None => Ok(()),
        };
    }
    parts.max_turns = max_turns.unwrap_or(MAX_TURNS);
    if parts.max_turns == 0 {
        return Err(config(format!(
            "agent `{name}` has 0 turns; 1 asks the model once, 2 once more with what the tools gave"
        )));
    }
    if parts.continue_interrupted {
        return Err(config(format!(
            "agent `{name}` has tools, and can't `continue_interrupted`: a turn that was cut off begins \
             again, those before it stay"
        )));
    }
    let tools = Tools::new(name, tools)?;
    tools.check_choice(parts.settings.tool_choice.as_ref())?;
    if let Some(output) = &parts.output {
        let is_tool = parts.model.output_mode(output) == Some(OutputMode::ForcedTool);
        if is_tool && tools.has(OutputMode::TOOL) {
            return Err(config(format!(
                "agent `{name}` has a tool called `{}`, which is the name of the one that its output would come \
                 by; give it another name, or the agent another output mode",
                OutputMode::TOOL
            )));
        }
    }
    parts.tools = Some(Arc::new(tools));
    Ok(())
}

pub(crate) fn config(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl<T> fmt::Debug for AgentBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentBuilder")
            .field("name", &self.parts.name)
            .field("model", &self.parts.model.id())
            .finish_non_exhaustive()
    }
}
