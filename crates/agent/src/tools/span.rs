//! What the span of a tool's step is told of the call.

use mainstem_core::{Error, Json, RunContext};
use tracing::Span;

/// The span of the step that makes a call; it is core's, like those of all steps.
pub(super) struct CallSpan {
    span: Span,
    has_content: bool,
}

impl CallSpan {
    /// The one that is being polled.
    pub(super) fn current(ctx: &RunContext, id: &str) -> Self {
        let span = Span::current();
        span.record("gen_ai.tool.call.id", id);
        Self {
            has_content: !span.is_disabled() && ctx.traces().content,
            span,
        }
    }

    pub(super) fn called_with(&self, arguments: &Json) {
        if self.has_content {
            self.span
                .record("gen_ai.tool.call.arguments", arguments.as_str());
        }
    }

    pub(super) fn gave(&self, output: &Json) {
        if self.has_content {
            self.span.record("gen_ai.tool.call.result", output.as_str());
        }
    }

    /// The model is told of it, so that the step itself may finish.
    pub(super) fn failed(&self, error: &Error) {
        self.span.record("error.type", error.kind().as_str());
        self.span.record("otel.status_code", "error");
        if self.has_content {
            self.span.record("otel.status_description", error.message());
        }
    }
}
