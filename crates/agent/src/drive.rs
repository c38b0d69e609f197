//! The loop of an agent.

use mainstem_core::{
    Error, ErrorKind, Message, ModelRequest, Result, RunContext, Text, ToolChoice,
};

use crate::{
    agent::{Agent, Parts},
    ask::{ask, output_of, take_turn},
    chat_span::note_model,
    guards::admit,
    memory::Memory,
    tools::{Call, Exchange, Tools, make_calls},
};

/// What a run of an agent has besides what the agent is made of.
pub(crate) struct Addition {
    /// What the model is told after the agent's own instructions.
    pub(crate) instructions: Text,
    /// The conversation, instead of the agent's own.
    pub(crate) thread: Text,
}

/// Has the input admitted, and answers it.
pub(crate) async fn drive<T: Send + 'static>(
    agent: Agent<T>,
    ctx: RunContext,
    input: String,
) -> Result<T> {
    let input = match agent.parts().guards.input.is_empty() {
        true => input,
        // Apart, so that an agent without guards has nothing to carry for it.
        false => Box::pin(admitted(agent.parts(), &ctx, input)).await?,
    };
    drive_admitted(agent, ctx, input, None).await
}

/// What its guards leave of an input. They see none that is refused anyway.
pub(crate) async fn admitted(agent: &Parts, ctx: &RunContext, input: String) -> Result<String> {
    check(agent, &input)?;
    admit(&agent.guards.input, ctx, input).await
}

/// Asks the model, passes its answer on piece by piece, and remembers it; makes the calls that it asks for,
/// and asks again with their results.
pub(crate) async fn drive_admitted<T: Send + 'static>(
    agent: Agent<T>,
    ctx: RunContext,
    input: String,
    addition: Option<Box<Addition>>,
) -> Result<T> {
    let parts = agent.parts();
    note_model(parts.model.id());
    check(parts, &input)?;
    let more = addition.as_ref().map(|addition| &addition.instructions);
    let instructions = parts.instructions_for(ctx.context(), &input, more)?;
    let own = addition.as_ref().map(|addition| &addition.thread);
    let (memory, question) = Memory::begin(&ctx, own.or(parts.thread.as_ref()), input);
    let messages = match parts.supply.is_none() {
        true => memory.ask_with_history(question),
        false => {
            memory.ask(&question);
            // Apart, so that an agent without context has nothing to carry for it.
            Box::pin(parts.put_together(&ctx, question)).await?
        }
    };

    let mut request = Box::new(ModelRequest::new(messages));
    request.instructions = instructions;
    request.output = parts.output.clone();
    request.settings = ctx.settings().clone().or(&parts.settings);
    match &parts.tools {
        None => answer(&agent, &ctx, &memory, request).await,
        // Apart, so that an agent without tools has nothing to carry for it.
        Some(tools) => Box::pin(converse(&agent, tools, &ctx, memory, request)).await,
    }
}

/// Without tools: one answer.
async fn answer<T>(
    agent: &Agent<T>,
    ctx: &RunContext,
    memory: &Memory,
    mut request: Box<ModelRequest>,
) -> Result<T> {
    let said = agent.parts().continues().then(|| ctx.take_said()).flatten();
    let said = match said {
        Some(said) if said.is_over => {
            let output = output_of(agent, &said.text)?;
            memory.add(Message::assistant(said.text));
            return Ok(output);
        }
        Some(said) => {
            request.go_on(&*said.text);
            said.text
        }
        None => String::new(),
    };
    let (output, _answer) = ask(agent, ctx, memory, request, said).await?;
    output.ok_or_else(|| Error::new(ErrorKind::Output, "the model gave no output"))
}

/// With tools: turn by turn, until the model answers without a call.
///
/// Its turns and the calls are steps of their own. So this is called again when the run is resumed, and what
/// had been done is found.
async fn converse<T: Send + 'static>(
    agent: &Agent<T>,
    tools: &Tools,
    ctx: &RunContext,
    memory: Memory,
    mut request: Box<ModelRequest>,
) -> Result<T> {
    tools.check_choice(request.settings.tool_choice.as_ref())?;
    request.tools = tools.specs();
    let (parts, mut made) = (agent.parts(), 0);
    for number in 0.. {
        let message = take_turn(agent, ctx, &memory, number, request.clone()).await?;
        let choice = request.settings.tool_choice.as_ref();
        let calls = Call::all(&message, tools, choice);
        if calls.is_empty() {
            let output = output_of(agent, &message.text())?;
            memory.add(message);
            return Ok(output);
        }
        let mut exchange = Exchange::new(memory.clone(), message);
        if number + 1 >= parts.max_turns {
            break;
        }
        let first = made;
        made += u32::try_from(calls.len()).unwrap_or(u32::MAX);
        make_calls(ctx, calls, first, &mut exchange).await?;
        request.messages.extend(exchange.end());
        // Who must call a tool each time never comes to an end.
        let choice = &mut request.settings.tool_choice;
        choice.take_if(|choice| *choice != ToolChoice::None);
    }
    let (name, turns) = (&parts.name, parts.max_turns);
    let message = format!(
        "agent `{name}` has had its {turns} turns, and its model still calls tools; raise its `max_turns`"
    );
    Err(Error::new(ErrorKind::Limit, message).with_code("max_turns"))
}

pub(crate) fn check(agent: &Parts, input: &str) -> Result<()> {
    if input.trim().is_empty() && !agent.allow_empty_input {
        return Err(Error::new(
            ErrorKind::Input,
            "the input is empty; give some text, or build the agent with `allow_empty_input`",
        ));
    }
    let is_longer = |length: u64, unit: &str, max: u64| {
        let message = format!(
            "the input is {length} {unit} long; the agent takes {max} at most: raise its \
             `max_input_{unit}`"
        );
        Err(Error::new(ErrorKind::Input, message))
    };
    match agent.max_input_bytes {
        Some(max) if input.len() > max => {
            return is_longer(input.len() as u64, "bytes", max as u64);
        }
        _ => {}
    }
    let (Some(max), Some(counter)) = (agent.max_input_tokens, &agent.token_counter) else {
        return Ok(());
    };
    match counter.count(input) {
        tokens if tokens > max => is_longer(tokens, "tokens", max),
        _ => Ok(()),
    }
}
