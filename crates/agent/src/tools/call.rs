//! A call of a tool: whether it can be made, and what comes of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::{
    FutureExt,
    future::{BoxFuture, try_join_all},
};
use mainstem_core::{
    Error, ErrorInfo, ErrorKind, Json, Message, Part, Question, Result, RunContext, StepScope,
    Text, Tool, ToolCallPart, ToolChoice, ToolResult, ToolResultPart, WhenToolFails,
};

use super::{Equipped, Exchange, Tools, exchange::Place, span::CallSpan};

/// What the step of a call is named, if there is no such tool: the model may have written anything.
const UNKNOWN: &str = "unknown_tool";

/// A call that a model asked for.
pub(crate) struct Call {
    id: Text,
    name: Text,
    /// Whether there is a tool of this name.
    is_known: bool,
    /// What is to be done; or why the call can't be made.
    task: Result<Task>,
}

/// Why a call has no output.
enum Failure {
    /// It wasn't made.
    Unmade(Error),
    /// It was made, and failed.
    Failed(Error),
}

/// A call that can be made.
#[derive(Clone)]
struct Task {
    tool: Arc<Equipped>,
    arguments: Json,
    /// What a person is asked before.
    question: Option<Question>,
}

impl Call {
    /// The calls in a model's message.
    pub(crate) fn all(message: &Message, tools: &Tools, choice: Option<&ToolChoice>) -> Vec<Self> {
        let calls = message.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(Self {
                id: call.id.clone(),
                name: call.name.clone(),
                is_known: tools.has(&call.name),
                task: match choice {
                    Some(ToolChoice::None) => Err(unmade("no tool may be called now")),
                    _ => Task::of(call, tools),
                },
            }),
            _ => None,
        });
        calls.collect()
    }

    /// The name of its step.
    fn step_name(&self) -> &str {
        match &*self.name {
            _ if !self.is_known => UNKNOWN,
            // It would be mistaken for a turn of the model.
            "turn" => "turn_tool",
            name => name,
        }
    }

    /// Does it; the model is told how it went, also where the run ends before its readers are.
    async fn make(self, ctx: RunContext, place: Place) -> Result<ToolResultPart> {
        let span = CallSpan::current(&ctx, &self.id);
        let outcome = match &self.task {
            Ok(task) => {
                span.called_with(&task.arguments);
                task.carry_out(&ctx).await
            }
            Err(error) => Err(Failure::Unmade(error.clone())),
        };
        let mut result = ToolResult::new(self.id.clone(), self.name.clone());
        let (told, error) = match outcome {
            Ok(output) => {
                span.gave(&output);
                let part = ToolResultPart::new(self.id, words(&output));
                place.note(part.clone());
                result.output = Some(output);
                ctx.emit(result).await;
                return Ok(part);
            }
            Err(Failure::Unmade(error) | Failure::Failed(error))
                if error.kind() == ErrorKind::Suspended =>
            {
                return Err(error);
            }
            Err(Failure::Unmade(error)) => {
                (format!("The call wasn't made: {}", told(&error)), error)
            }
            Err(Failure::Failed(error)) => (format!("The call failed: {}", told(&error)), error),
        };
        let error = match error.kind() {
            ErrorKind::Step => {
                let message = format!("tool `{}` failed", self.name);
                Error::new(ErrorKind::Tool, message).with_source(error)
            }
            _ => error,
        };
        span.failed(&error);
        let mut part = ToolResultPart::new(self.id, told);
        part.is_error = true;
        place.note(part.clone());
        result.error = Some(Box::new(ErrorInfo::from(&error)));
        ctx.emit(result).await;
        let ends_run = self
            .task
            .is_ok_and(|task| task.tool.policy.when_it_fails == WhenToolFails::EndRun);
        if ends_run {
            return Err(error);
        }
        Ok(part)
    }
}

impl Task {
    fn of(call: &ToolCallPart, tools: &Tools) -> Result<Self> {
        let name = &call.name;
        let Some(tool) = tools.find(name) else {
            return Err(unmade(format!(
                "there is no tool `{name}`; there are: {}",
                tools.names()
            )));
        };
        let mut checker = tool.schema.checker();
        let read = checker.feed(arguments_of(call).as_bytes());
        let arguments = match read.and_then(|()| checker.finish().map(Json::parse)) {
            Ok(arguments) => arguments?,
            Err(violation) => {
                let message = format!("the arguments for tool `{name}` don't fit: {violation}");
                return Err(unmade(message));
            }
        };
        let question = tool.policy.approval.as_ref().map(|approval| {
            catch_unwind(AssertUnwindSafe(|| approval.question(&arguments)))
                .map_err(|_panic| unmade(format!("the approval of tool `{name}` panicked")))
        });
        Ok(Self {
            question: question.transpose()?.flatten(),
            tool: Arc::clone(tool),
            arguments,
        })
    }

    /// Whether it is a step of its own, which begins again as a whole; or does others.
    fn resumes(&self) -> bool {
        self.question.is_some() || self.tool.tool.resumes()
    }

    async fn carry_out(&self, ctx: &RunContext) -> Result<Json, Failure> {
        let task = self.clone();
        let Some(question) = self.question.clone() else {
            return task.call(ctx.clone()).await.map_err(Failure::Failed);
        };
        let approve = StepScope::new("approve", "ask").resumes(true);
        let approved = ctx
            .perform(approve, move |ctx| async move {
                ctx.ask_as_step::<bool>(question).await
            })
            .await
            .map_err(Failure::Unmade)?;
        if !approved {
            let message = "whoever was asked said no";
            let error = Error::new(ErrorKind::Refused, message).with_code("declined");
            return Err(Failure::Unmade(error));
        }
        let done = match self.tool.tool.resumes() {
            true => task.call(ctx.clone()).await,
            // So that the answer stays where it is, and a call that was cut off begins again.
            false => {
                let call = StepScope::new("call", "function");
                ctx.perform(call, move |ctx| task.call(ctx)).await
            }
        };
        done.map_err(Failure::Failed)
    }

    /// Calls the tool. That it panics is its error.
    async fn call(self, ctx: RunContext) -> Result<Json> {
        let limit = self.tool.policy.time_limit;
        let name = self.tool.name();
        // The call itself may panic, too.
        let work = async { self.tool.tool.call(ctx, self.arguments.clone()).await };
        let work = AssertUnwindSafe(work).catch_unwind();
        let done = match limit {
            None => work.await,
            Some(limit) => tokio::time::timeout(limit, work).await.map_err(|_late| {
                let message = format!("tool `{name}` took longer than its limit of {limit:?}");
                Error::new(ErrorKind::Timeout, message)
            })?,
        };
        let panicked = |_panic| Error::new(ErrorKind::Tool, format!("tool `{name}` panicked"));
        done.map_err(panicked)?.map_err(Error::from)
    }
}

/// Makes the calls of a turn, at the same time; `first` is the number of the first one.
///
/// The first failure that ends the run stops the others. If some wait for a person, the others go on to
/// their end first.
pub(crate) async fn make_calls(
    ctx: &RunContext,
    calls: Vec<Call>,
    first: u32,
    exchange: &mut Exchange,
) -> Result<()> {
    exchange.begin();
    let exchange = &*exchange;
    let mut forks = Vec::with_capacity(calls.len());
    let mut work: Vec<BoxFuture<'_, Result<Made>>> = Vec::with_capacity(calls.len());
    for (number, call) in (first..).zip(calls) {
        let fork = ctx.context().fork(call.step_name());
        forks.push(fork.clone());
        let scope = StepScope::new(call.step_name(), "tool")
            .index(number)
            .resumes(call.task.as_ref().is_ok_and(Task::resumes))
            .context(fork);
        let at = (number - first) as usize;
        let place = exchange.place(at);
        let made = ctx.perform(scope, move |ctx| call.make(ctx, place));
        work.push(made.map(move |made| note(made, exchange, at)).boxed());
    }
    let made = try_join_all(work).await?;
    let requests: Vec<_> = made
        .iter()
        .flat_map(|made| &made.requests)
        .cloned()
        .collect();
    if !requests.is_empty() {
        return Err(Error::suspend(requests));
    }
    // A call that failed leaves nothing.
    let done = forks.iter().zip(&made).filter(|(_, made)| !made.has_failed);
    ctx.context().merge(done.map(|(fork, _)| fork))
}

/// What is left to know of a call that is over for now.
struct Made {
    has_failed: bool,
    /// What it waits for.
    requests: Vec<mainstem_core::InputRequest>,
}

fn note(made: Result<ToolResultPart>, exchange: &Exchange, at: usize) -> Result<Made> {
    match made {
        Ok(part) => {
            let has_failed = part.is_error;
            exchange.place(at).note(part);
            let requests = Vec::new();
            Ok(Made {
                has_failed,
                requests,
            })
        }
        Err(error) => match error.suspension() {
            Some(suspension) => Ok(Made {
                has_failed: false,
                requests: suspension.requests.clone(),
            }),
            None => {
                exchange.place(at).note(exchange.failed(at, &error));
                Err(error)
            }
        },
    }
}

/// The arguments as the model wrote them; some write nothing for no arguments.
pub(super) fn arguments_of(call: &ToolCallPart) -> &str {
    match call.arguments.trim_ascii() {
        "" => "{}",
        arguments => arguments,
    }
}

fn unmade(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Tool, message).with_code("not_called")
}

/// An output as the model reads it: a text as it is, anything else as JSON.
fn words(output: &Json) -> Text {
    match output.to::<String>() {
        Ok(text) => text.into(),
        Err(_) => output.as_str().into(),
    }
}

/// A failure as the model reads it: of a function's own error its words, without their causes.
fn told(error: &Error) -> String {
    use std::error::Error as _;
    let reason = error.upstream().map(|upstream| upstream.message());
    match (error.kind(), error.source(), reason) {
        (ErrorKind::Step, Some(source), _) => source.to_string(),
        (ErrorKind::Refused, _, Some(reason)) if error.code() == Some("declined") => {
            format!("whoever was asked refused: {reason}")
        }
        (_, _, Some(reason)) => format!("{}: {reason}", error.message()),
        _ => error.message().to_owned(),
    }
}
