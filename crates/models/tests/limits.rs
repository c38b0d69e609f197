//! Limits of agents that share a layer.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream};
use mainstem_agent::Agent;
use mainstem_core::{
    EventKind, FinishReason, Model, ModelEvent, ModelRequest, ModelStream, TimeLimits, Usage,
};
use mainstem_models::{Limiter, ModelExt};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// A model that notes when it is asked.
#[derive(Clone)]
struct Noted {
    /// How long an answer takes.
    takes: Duration,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Noted {
    fn new(takes: Duration) -> Self {
        let asked = Arc::default();
        Self { takes, asked }
    }

    fn asked(&self) -> Vec<Instant> {
        self.asked.lock().unwrap().clone()
    }

    fn asked_within(&self, begin: Instant) -> usize {
        let is_within = |at: &&Instant| **at >= begin && **at < begin + MINUTE;
        self.asked().iter().filter(is_within).count()
    }
}

impl Model for Noted {
    fn id(&self) -> &str {
        "noted"
    }

    fn stream(&self, _: ModelRequest) -> ModelStream {
        let takes = self.takes;
        let asked = Arc::clone(&self.asked);
        let begin = stream::once(async move {
            asked.lock().unwrap().push(Instant::now());
            tokio::time::sleep(takes).await;
            ModelEvent::Text("A jay.".into())
        });
        let end = [
            ModelEvent::Usage(Usage::new(10, 2)),
            ModelEvent::Finished(FinishReason::Stop),
        ];
        ModelStream::new(begin.chain(stream::iter(end)).map(Ok))
    }
}

fn agent(model: impl Model) -> Agent {
    Agent::builder(model).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn three_agents_share_a_limiter_and_each_gets_its_share() {
    let limiter = Limiter::new().requests_per_minute(60);
    let models = [0, 300, 900].map(|millis| Noted::new(Duration::from_millis(millis)));
    let start = Instant::now();
    let end = start + MINUTE * 5;
    let works = models.iter().map(async |model| {
        let agent = agent(model.clone().limited(&limiter));
        while Instant::now() < end {
            agent.run("Name a bird.").await.unwrap();
        }
    });
    join_all(works).await;

    let mut all: Vec<_> = models.iter().flat_map(Noted::asked).collect();
    all.sort();
    assert!(all.len() >= 5 * 60 - 3, "{}", all.len());
    for begin in &all {
        let asked: usize = models.iter().map(|model| model.asked_within(*begin)).sum();
        assert!(asked <= 60, "{asked}");
    }
    for minute in 0..5 {
        let share = models
            .each_ref()
            .map(|model| model.asked_within(start + MINUTE * minute));
        assert!(share.iter().all(|share| *share >= 19), "{share:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_its_turn_says_so_and_passes_no_time_limit() {
    let limiter = Limiter::new().requests_per_minute(1);
    let model = Noted::new(Duration::ZERO);
    let agent = Agent::builder(model.limited(&limiter))
        .time_limits(TimeLimits::NONE.first_event(Duration::from_secs(2)))
        .build()
        .unwrap();
    agent.run("Name a bird.").await.unwrap();
    let begin = Instant::now();
    let mut run = agent.run_streamed("Name another.");
    let mut notices = Vec::new();
    while let Some(event) = run.next().await {
        if let EventKind::Notice(notice) = event.kind {
            notices.push(notice.code);
        }
    }
    let result = run.await.unwrap();
    assert_eq!(notices, ["rate_limited"]);
    assert_eq!(result.usage.requests, 1);
    assert_eq!(begin.elapsed(), MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_while_it_waits_sends_nothing() {
    let limiter = Limiter::new().requests_per_minute(1);
    let model = Noted::new(Duration::ZERO);
    let agent = agent(model.clone().limited(&limiter));
    agent.run("Name a bird.").await.unwrap();
    let waiting = tokio::time::timeout(MINUTE / 2, agent.run("Name another."));
    assert!(waiting.await.is_err());
    let begin = Instant::now();
    agent.run("Name a third.").await.unwrap();
    assert_eq!(begin.elapsed(), MINUTE / 2);
    assert_eq!(model.asked().len(), 2);
}
