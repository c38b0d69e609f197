//! Limits of agents that share a layer.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream};
use mainstem_agent::Agent;
use mainstem_core::{
    ErrorKind, EventKind, FinishReason, Model, ModelEvent, ModelRequest, ModelStream, OutputMode,
    OutputSpec, TimeLimits, Usage,
};
use mainstem_models::{Breaker, ChatCompletions, Limiter, ModelExt, Provider, Recovery};
use mainstem_testkit::{Reply, ScriptedServer};
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
async fn each_attempt_takes_a_turn_and_its_time_begins_then() {
    let limiter = Limiter::new().requests_per_minute(1);
    // The first piece comes after 3 seconds, one too late for an attempt.
    let model = Noted::new(Duration::from_secs(3));
    let recovery = Recovery::of(model.clone().limited(&limiter))
        .time_limits(TimeLimits::NONE.first_event(Duration::from_secs(2)))
        .build()
        .unwrap();
    let begin = Instant::now();
    let error = agent(recovery).run("Name a bird.").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let asked = model.asked();
    let after: Vec<_> = asked.iter().map(|at| (*at - begin).as_secs()).collect();
    assert_eq!(after, [0, 60, 120]);
}

#[test]
fn a_layer_is_the_model_to_those_around_it() {
    let model = || {
        let model = ChatCompletions::builder("m").provider(Provider::Anthropic);
        model.api_key("k").build().unwrap()
    };
    let layers: Vec<Box<dyn Model>> = vec![
        Box::new(model().limited(&Limiter::new())),
        Box::new(model().guarded(&Breaker::new())),
        #[cfg(feature = "cache")]
        Box::new(model().cached(&mainstem_models::Cache::new(1))),
    ];
    let output = OutputSpec::new(mainstem_structured::Schema::any());
    assert_eq!(model().output_mode(&output), Some(OutputMode::ForcedTool));
    for layer in layers {
        assert_eq!(layer.id(), model().id());
        assert_eq!(layer.output_mode(&output), Some(OutputMode::ForcedTool));
    }
}

/// Real threads and a real clock: nobody is forgotten, and nobody is early.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_a_limiter() {
    let limiter = Limiter::new().requests_per_minute(12_000).concurrent(3);
    let model = Noted::new(Duration::ZERO);
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let agent = agent(model.clone().limited(&limiter));
        tasks.spawn(async move {
            for _ in 0..12 {
                agent.run("Name a bird.").await.unwrap();
                // And some don't wait for their turn.
                let _ =
                    tokio::time::timeout(Duration::from_millis(3), agent.run("Name two.")).await;
            }
        });
    }
    tasks.join_all().await;
    let mut asked = model.asked();
    asked.sort();
    assert!(asked.len() >= 8 * 12);
    for (at, place) in asked.iter().zip(0..) {
        assert!(*at >= begin + Duration::from_millis(5) * place, "{place}");
    }
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

async fn server(replies: impl IntoIterator<Item = Reply>) -> ScriptedServer {
    let server = ScriptedServer::start().await.unwrap();
    replies.into_iter().for_each(|reply| server.push(reply));
    server
}

fn model(server: &ScriptedServer) -> ChatCompletions {
    let model = ChatCompletions::builder("m").base_url(server.base_url());
    model.build().unwrap()
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_left_alone_by_other_agents_too() {
    let busy = Reply::error_status(429, "slow down").header("retry-after", "1");
    let server = server([busy, Reply::text(["A jay."])]).await;
    let limiter = Limiter::new();
    let one = agent(model(&server).limited(&limiter));
    let error = one.run("Name a bird.").await.unwrap_err();
    assert_eq!(error.status(), Some(429));
    let begin = Instant::now();
    let other = agent(model(&server).limited(&limiter));
    let result = other.run("Name a bird.").await.unwrap();
    assert_eq!(result.output, "A jay.");
    assert!(begin.elapsed() > Duration::from_millis(900));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_dropped_run_makes_room_for_the_next_one() {
    let server = server([Reply::text(["A"]).stall(), Reply::text(["A jay."])]).await;
    let agent = agent(model(&server).limited(&Limiter::new().concurrent(1)));
    let mut stalled = agent.run_streamed("Name a bird.");
    assert_eq!(stalled.next_text().await.unwrap().unwrap(), "A");
    let mut waiting = agent.run_streamed("Name another.");
    while !matches!(waiting.next().await.unwrap().kind, EventKind::Notice(_)) {}
    assert_eq!(server.requests().len(), 1);
    drop(stalled);
    assert_eq!(waiting.await.unwrap().output, "A jay.");
}

#[tokio::test]
async fn a_server_that_is_down_is_left_alone() {
    let down = || Reply::error_status(503, "overloaded");
    let server = server([down(), down(), Reply::text(["A jay."])]).await;
    let breaker = Breaker::new()
        .failures(2)
        .open_for(Duration::from_millis(300));
    let agent = agent(model(&server).guarded(&breaker));
    for _ in 0..2 {
        let error = agent.run("Name a bird.").await.unwrap_err();
        assert_eq!(error.status(), Some(503));
    }
    let error = agent.run("Name a bird.").await.unwrap_err();
    assert_eq!(error.code(), Some("circuit_open"));
    assert_eq!(error.partial().unwrap().usage, Usage::default());
    assert_eq!(server.requests().len(), 2);
    tokio::time::sleep(error.retry_after().unwrap()).await;
    assert_eq!(agent.run("Name a bird.").await.unwrap().output, "A jay.");
}

#[cfg(feature = "cache")]
#[tokio::test]
async fn an_answer_from_the_cache_costs_no_request() {
    let server = server([Reply::text(["A ", "jay."])]).await;
    let agent = agent(model(&server).cached(&mainstem_models::Cache::new(1 << 20)));
    let first = agent.run("Name a bird.").await.unwrap();
    assert_eq!(first.usage.requests, 1);
    assert!(first.usage.total_tokens() > 0);
    let mut run = agent.run_streamed("Name a bird.");
    let mut kinds = Vec::new();
    while let Some(event) = run.next().await {
        match event.kind {
            EventKind::Notice(notice) => kinds.push(notice.code.to_string()),
            EventKind::TextDelta(delta) => kinds.push(delta.text.to_string()),
            _ => {}
        }
    }
    let again = run.await.unwrap();
    assert_eq!(kinds, ["cached", "A ", "jay."]);
    assert_eq!(again.output, first.output);
    assert_eq!(again.usage, Usage::default());
    assert_eq!(server.requests().len(), 1);
}
