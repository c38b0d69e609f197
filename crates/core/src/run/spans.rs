//! The spans of a run and of its steps, with OpenTelemetry's names for generative AI.
//!
//! Fields are made only if somebody listens. A span is closed with its run or step, whoever keeps a
//! `RunContext` beyond that.

use std::sync::{Arc, Weak};

use tracing::{Span, field::Empty, info_span};

use super::{RunContext, StepScope};
use crate::{Error, ErrorKind, RunId, StepPath, Traces, Usage};

/// The span of a run: all that happens in it is inside.
pub(super) struct RunSpan {
    span: Span,
    tells_errors: bool,
}

impl RunSpan {
    pub(super) fn begin(run: &RunId, name: &str, is_resumed: bool, traces: &Traces) -> Self {
        let span = info_span!(
            target: "mainstem",
            "run",
            otel.name = format!("run {name}"),
            otel.kind = "internal",
            otel.status_code = Empty,
            otel.status_description = Empty,
            mainstem.run.id = run.as_str(),
            mainstem.run.name = name,
            mainstem.run.resumed = is_resumed,
            mainstem.status = Empty,
            gen_ai.conversation.id = traces.conversation.as_deref(),
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            error.type = Empty,
        );
        let tells_errors = traces.content;
        Self { span, tells_errors }
    }

    /// Whether nobody listens, or it is over.
    pub(super) fn is_none(&self) -> bool {
        self.span.is_disabled()
    }

    /// The span, to be entered.
    pub(super) fn get(&self) -> Span {
        self.span.clone()
    }

    /// The run ends; so does the span. Without an end, it was dropped.
    pub(super) fn end(&mut self, end: Option<&Result<(), Error>>, usage: Usage) {
        if self.is_none() {
            return;
        }
        note_usage(&self.span, usage);
        match end {
            Some(Ok(())) => note_status(&self.span, "finished"),
            Some(Err(error)) => note_error(&self.span, error, self.tells_errors),
            None => note_status(&self.span, "cancelled"),
        }
        self.span = Span::none();
    }
}

/// The span of a step, from its beginning to its end.
pub(super) struct StepSpan(Option<Arc<Span>>);

/// A span with the fields that those of all steps have, before its own.
macro_rules! step_span {
    ($parent:expr, $path:expr, $name:literal, $title:expr, $($fields:tt)*) => {
        info_span!(
            target: "mainstem",
            parent: $parent,
            $name,
            otel.name = $title,
            otel.kind = "internal",
            otel.status_code = Empty,
            otel.status_description = Empty,
            mainstem.step.path = $path.as_str(),
            mainstem.status = Empty,
            error.type = Empty,
            $($fields)*
        )
    };
}

impl StepSpan {
    /// Inside of what is under way; in a task of its own, inside of the step around it.
    pub(super) fn begin(outer: &RunContext, scope: &StepScope, path: &StepPath) -> Self {
        let parent = &around(outer);
        let name = scope.title();
        // Made only if it is needed.
        let title = |what: &str| match what == name {
            true => name.to_owned(),
            false => format!("{what} {name}"),
        };
        let span = match &*scope.kind {
            "agent" => step_span!(
                parent,
                path,
                "invoke_agent",
                title("invoke_agent"),
                gen_ai.operation.name = "invoke_agent",
                gen_ai.agent.name = name,
                gen_ai.conversation.id = outer.traces().conversation.as_deref(),
                gen_ai.provider.name = Empty,
                gen_ai.request.model = Empty,
                gen_ai.usage.input_tokens = Empty,
                gen_ai.usage.output_tokens = Empty,
            ),
            "flow" => step_span!(
                parent,
                path,
                "invoke_workflow",
                title("invoke_workflow"),
                gen_ai.operation.name = "invoke_workflow",
                gen_ai.workflow.name = name,
                gen_ai.usage.input_tokens = Empty,
                gen_ai.usage.output_tokens = Empty,
            ),
            "tool" => step_span!(
                parent, path, "execute_tool", title("execute_tool"),
                gen_ai.operation.name = "execute_tool",
                gen_ai.tool.name = name,
                gen_ai.tool.type = "function",
                gen_ai.tool.call.id = Empty,
                gen_ai.tool.call.arguments = Empty,
                gen_ai.tool.call.result = Empty,
            ),
            kind => step_span!(parent, path, "step", title(kind), mainstem.step.kind = kind,),
        };
        Self((!span.is_disabled()).then(|| Arc::new(span)))
    }

    /// The span, to be entered; one that costs nothing, if nobody listens.
    pub(super) fn get(&self) -> Span {
        self.0.as_deref().cloned().unwrap_or_else(Span::none)
    }

    /// The span for those inside, for as long as the step lasts.
    pub(super) fn weak(&self) -> Weak<Span> {
        self.0.as_ref().map(Arc::downgrade).unwrap_or_default()
    }

    pub(super) fn end(&mut self, end: Option<Result<(), &Error>>, ctx: &RunContext) {
        let Some(span) = self.0.take() else {
            return;
        };
        note_usage(&span, ctx.usage());
        match end {
            Some(Ok(())) => note_status(&span, "finished"),
            Some(Err(error)) => note_error(&span, error, ctx.traces().content),
            None => note_status(&span, "cancelled"),
        }
    }
}

/// What a step that begins is inside of.
fn around(outer: &RunContext) -> Span {
    let current = Span::current();
    match current.is_disabled() {
        true => outer.span().as_deref().cloned().unwrap_or(current),
        false => current,
    }
}

fn note_usage(span: &Span, usage: Usage) {
    if usage.requests > 0 {
        span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        span.record("gen_ai.usage.output_tokens", usage.output_tokens);
    }
}

fn note_status(span: &Span, status: &str) {
    span.record("mainstem.status", status);
}

/// That a run waits or was stopped is no failure of it. An error's causes, and what an upstream says,
/// may hold anything; its message, too, if it is a user's.
fn note_error(span: &Span, error: &Error, tells: bool) {
    match error.kind() {
        ErrorKind::Suspended => note_status(span, "suspended"),
        ErrorKind::Cancelled => note_status(span, "cancelled"),
        kind => {
            note_status(span, "failed");
            span.record("error.type", kind.as_str());
            span.record("otel.status_code", "error");
            if tells {
                span.record("otel.status_description", error.message());
            }
        }
    }
}
