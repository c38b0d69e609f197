//! What is done about it.

use std::time::Duration;

use mainstem::{
    Model, Recovery, RecoveryBuilder, TimeLimits, WhenCut,
    models::{ChatCompletions, ChatCompletionsBuilder},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    None,
    Retry,
    Continue,
    Restart,
    Hold,
    OtherModel,
    WithoutStreaming,
}

impl Policy {
    pub(crate) const ALL: [Self; 7] = [
        Self::None,
        Self::Retry,
        Self::Continue,
        Self::Restart,
        Self::Hold,
        Self::OtherModel,
        Self::WithoutStreaming,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Retry => "retry",
            Self::Continue => "continue",
            Self::Restart => "restart",
            Self::Hold => "hold",
            Self::OtherModel => "another model",
            Self::WithoutStreaming => "no streaming",
        }
    }

    /// The model of a cell: with the server's own, and one of another server.
    pub(crate) fn around(self, own: ChatCompletions, other: ChatCompletions) -> Box<dyn Model> {
        let plan = |when_cut| recovery(own.clone()).when_cut(when_cut);
        let plan = match self {
            Self::None => return Box::new(own),
            Self::Retry => plan(WhenCut::Fail),
            Self::Continue => plan(WhenCut::Continue),
            Self::Restart => plan(WhenCut::Restart),
            Self::Hold => plan(WhenCut::Hold),
            Self::OtherModel => plan(WhenCut::Continue).attempts(1).fallback(other),
            Self::WithoutStreaming => {
                let whole = own.without_streaming();
                plan(WhenCut::Continue).attempts(1).fallback(whole)
            }
        };
        Box::new(plan.build().unwrap())
    }

    /// Whether the same model is asked again.
    pub(crate) fn waits(self) -> bool {
        !matches!(self, Self::None | Self::OtherModel | Self::WithoutStreaming)
    }
}

/// Limits that a stall passes soon, and a busy machine doesn't.
pub(crate) fn time_limits() -> TimeLimits {
    TimeLimits::default().between_events(Duration::from_secs(2))
}

fn recovery(model: impl Model) -> RecoveryBuilder {
    Recovery::of(model)
        .backoff(Duration::from_millis(1), Duration::from_millis(4))
        .time_limits(time_limits())
}

/// A model of a server that may not be there.
pub(crate) fn model(name: &str, base_url: String) -> ChatCompletionsBuilder {
    ChatCompletions::builder(name)
        .base_url(base_url)
        .client(mainstem_tests::client())
}
