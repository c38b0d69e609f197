//! The agents and flows that `mainstem serve` serves.

use std::sync::Arc;

use mainstem::{Agent, Flow, Model, Result};

use super::{
    approval,
    article::{self, Article},
    echo::{self, Echoed, Order},
};
use crate::flows;

/// All of them, on one model.
pub(super) struct Bundled {
    pub(super) assistant: Agent,
    pub(super) guide: Flow<String, String>,
    pub(super) article: Agent<Article>,
    pub(super) research: Flow<String, String>,
    pub(super) approval: Flow<String, String>,
    pub(super) echo: Flow<Order, Echoed>,
}

impl Bundled {
    pub(super) fn new(model: &Arc<dyn Model>) -> Result<Self> {
        let assistant = Agent::builder(Arc::clone(model)).name("assistant");
        Ok(Self {
            assistant: assistant.build()?,
            guide: flows::named("guide")?.build(model)?,
            article: article::agent(model)?,
            research: flows::named("research")?.build(model)?,
            approval: approval::flow(),
            echo: echo::flow(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt as _;
    use mainstem::{Event, EventKind, Step, models::demo::DemoModel};

    use super::*;

    fn bundled() -> Bundled {
        let model: Arc<dyn Model> = Arc::new(DemoModel::new().with_delay(Duration::ZERO));
        Bundled::new(&model).unwrap()
    }

    #[test]
    fn each_goes_by_its_name() {
        let all = bundled();
        let agents = [Step::<String>::name(&all.assistant), all.article.name()];
        let flows = [all.guide.name(), all.research.name(), all.approval.name()];
        assert_eq!(agents, ["assistant", "article"]);
        assert_eq!(flows, ["guide", "research", "approval"]);
        assert_eq!(all.echo.name(), "echo");
    }

    #[tokio::test]
    async fn each_answers_offline() {
        let all = bundled();
        let answer = all.assistant.run("How do I stop a run?").await.unwrap();
        assert!(answer.output.contains("stop"), "{}", answer.output);
        let guide = all.guide.run("What is an event?").await.unwrap();
        assert!(guide.output.starts_with("EVENT\n"), "{}", guide.output);
        let article = all.article.run("jays").await.unwrap().output;
        assert!(!article.title.is_empty() && !article.sections.is_empty());
    }

    #[tokio::test]
    async fn research_is_parallel_and_tells_how_far_it_is() {
        let run = bundled()
            .research
            .run_streamed("What are events, stores and limits?");
        let events: Vec<Event> = run.collect().await;
        let is_progress = |event: &&Event| matches!(event.kind, EventKind::Progress(_));
        let found = events.iter().filter(is_progress).count();
        assert_eq!(found, 4, "what, events, stores, limits");
        let looked_up = |event: &&Event| {
            event
                .path
                .as_str()
                .starts_with("research/look_up[2]/optional/one")
        };
        let paths: Vec<_> = events.iter().map(|event| event.path.as_str()).collect();
        assert!(events.iter().any(|event| looked_up(&event)), "{paths:?}");
        assert!(matches!(
            events.last().unwrap().kind,
            EventKind::RunFinished(_)
        ));
    }
}
