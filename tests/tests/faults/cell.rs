//! One fault, one policy, one reader: what was seen, kept, sent and billed.

use std::time::{Duration, Instant};

use futures::StreamExt;
use mainstem::{Agent, Context, Error, EventKind, Message, Role, RunStream, TimeLimits, Usage};
use mainstem_testkit::ScriptedServer;
use mainstem_tests::{server, within};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpSocket;

use crate::{
    fault::{Fault, HALF, REST, answer},
    policy::{Policy, model, time_limits},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Events,
    Text,
}

/// What the page says of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) saw: String,
    pub(crate) context: String,
    pub(crate) requests: String,
    pub(crate) billed: String,
}

/// What a reader was given.
#[derive(Debug, Default)]
struct Seen {
    /// Each piece, or a word for what isn't text.
    items: Vec<String>,
    /// All text that isn't void.
    delivered: String,
    voids: usize,
}

impl Seen {
    fn take(&mut self, text: &str) {
        self.delivered.push_str(text);
        self.items.push(in_words(text));
    }

    fn void(&mut self) {
        self.delivered.clear();
        self.voids += 1;
        self.items.push("**void**".to_owned());
    }
}

/// The first half, the second, or all.
fn in_words(text: &str) -> String {
    match text {
        HALF => "half".to_owned(),
        REST => "rest".to_owned(),
        _ if text == format!("{HALF}{REST}") => "all".to_owned(),
        other => format!("`{other}`"),
    }
}

/// The servers of a cell.
struct World {
    own: Option<ScriptedServer>,
    /// Keeps a port on which nobody listens.
    nobody: TcpSocket,
    other: ScriptedServer,
}

impl World {
    async fn with(fault: &Fault) -> Self {
        let pieces = fault.pieces();
        let own = match &fault.reply {
            None => None,
            Some(reply) => {
                let own = server().await;
                own.push(reply.clone());
                own.respond_with(move |request| answer(request, pieces));
                Some(own)
            }
        };
        let other = server().await;
        other.respond_with(move |request| answer(request, pieces));
        let nobody = TcpSocket::new_v4().unwrap();
        nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { own, nobody, other }
    }

    fn base_url(&self) -> String {
        match &self.own {
            Some(own) => own.base_url(),
            None => format!("http://{}/v1", self.nobody.local_addr().unwrap()),
        }
    }

    /// The requests that arrived.
    fn arrived(&self) -> u64 {
        let own = self.own.as_ref().map_or(0, |own| own.requests().len());
        (own + self.other.requests().len()) as u64
    }
}

/// Plays a cell, and asserts what holds for every one.
pub(crate) async fn play(fault: &Fault, policy: Policy, reader: Reader) -> Cell {
    let world = World::with(fault).await;
    match fault.is_typed {
        true => {
            let typed = agent(&world, policy).output::<Vec<u32>>();
            play_with(&typed.build().unwrap(), fault, policy, reader, &world).await
        }
        false => {
            let agent = agent(&world, policy).build().unwrap();
            play_with(&agent, fault, policy, reader, &world).await
        }
    }
}

fn agent(world: &World, policy: Policy) -> mainstem::AgentBuilder {
    let own = model("m", world.base_url()).build().unwrap();
    let other = model("n", world.other.base_url()).build().unwrap();
    let limits = match policy {
        Policy::None => time_limits(),
        _ => TimeLimits::default(),
    };
    Agent::builder(policy.around(own, other)).time_limits(limits)
}

async fn play_with<T>(
    agent: &Agent<T>,
    fault: &Fault,
    policy: Policy,
    reader: Reader,
    world: &World,
) -> Cell
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    let begin = Instant::now();
    let context = Context::new();
    let mut run = agent.run("The question.").context(&context).stream();
    let mut seen = match reader {
        Reader::Events => by_events(&mut run).await,
        Reader::Text => by_text(&mut run).await,
    };
    let end = within(run).await;
    let usage = match &end {
        Ok(result) => result.usage,
        Err(error) => error
            .partial()
            .map(|partial| partial.usage)
            .unwrap_or_default(),
    };
    let name = format!(
        "{}, {policy:?}, {reader:?}: {seen:?}, {end:?}",
        fault.name,
        end = end.as_ref().err()
    );
    if fault.asks_to_wait && policy.waits() {
        assert!(
            begin.elapsed() >= Duration::from_secs(1),
            "{name}: it didn't wait"
        );
    }
    seen.items.push(match &end {
        Ok(_) => "end".to_owned(),
        Err(error) => format!("✗ {}", kind(error)),
    });
    assert!(
        reader == Reader::Events || seen.voids == 0,
        "{name}: void for a reader of text"
    );
    let whole = fault.pieces().concat();
    assert!(
        whole.starts_with(&seen.delivered),
        "{name}: delivered twice, or something else"
    );
    let kept = match &end {
        Ok(_) => {
            assert_eq!(seen.delivered, whole, "{name}: not all of it was delivered");
            whole
        }
        Err(error) => error
            .partial()
            .map(|it| it.text.to_string())
            .unwrap_or_default(),
    };
    assert!(
        kept.starts_with(&seen.delivered),
        "{name}: missing from the partial: {kept:?}"
    );
    let messages = context.messages().to_vec();
    let said = messages
        .iter()
        .filter(|message| message.role == Role::Assistant);
    let said: Vec<_> = said.collect();
    let remembered: String = said.iter().map(|message| message.text()).collect();
    assert!(
        remembered.starts_with(&seen.delivered),
        "{name}: missing from the context: {remembered:?}"
    );
    assert_eq!(
        said.iter().any(|message| message.partial),
        end.is_err() && !said.is_empty(),
        "{name}"
    );
    if world.own.is_some() {
        assert_eq!(usage.requests, world.arrived(), "{name}: requests");
    }
    Cell {
        saw: seen.items.join(" · "),
        context: in_context(&said),
        requests: usage.requests.to_string(),
        billed: billed(usage),
    }
}

async fn by_events<T>(run: &mut RunStream<T>) -> Seen {
    let mut seen = Seen::default();
    while let Some(event) = within(run.next()).await {
        match (&event.kind, event.text()) {
            (EventKind::Retracted(_), _) => seen.void(),
            (_, Some(text)) => seen.take(text),
            _ => {}
        }
    }
    seen
}

async fn by_text<T>(run: &mut RunStream<T>) -> Seen {
    let mut seen = Seen::default();
    while let Ok(Some(text)) = within(run.next_text()).await {
        seen.take(&text);
    }
    seen
}

fn kind(error: &Error) -> String {
    let kind = serde_json::to_value(error.kind()).unwrap();
    let kind = kind.as_str().unwrap().to_owned();
    match error.status() {
        Some(status) => format!("{kind} {status}"),
        None => kind,
    }
}

fn in_context(said: &[&Message]) -> String {
    let in_words = |message: &&Message| match message.partial {
        true => format!("{}, partial", in_words(&message.text())),
        false => in_words(&message.text()),
    };
    match said {
        [] => "–".to_owned(),
        said => said.iter().map(in_words).collect::<Vec<_>>().join(" · "),
    }
}

fn billed(usage: Usage) -> String {
    let about = if usage.estimated { "≈ " } else { "" };
    format!("{about}{} + {}", usage.input_tokens, usage.output_tokens)
}
