//! Random failures, random policies: what is delivered is the answer, once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{StreamExt, stream};
use mainstem_core::{
    Error, ErrorKind, FinishReason, Message, Model, ModelEvent, ModelRequest, ModelStream, Recall,
    Result, Role, TimeLimits, Usage,
};
use mainstem_models::{Recovery, WhenCut};
use proptest::prelude::*;

/// No part of it stands in it twice, so that any repetition shows.
const ANSWER: &str = "Jays bury acorns in autumn, thousands of them, each in a hole of its own; wrens \
    build several nests, and the hen chooses one. Über allem kreist ein Bussard.";

/// What one request meets.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Refused(u16),
    /// So many bytes of the rest of the answer, and then this.
    Broken(usize, Break),
    Whole,
}

#[derive(Clone, Copy, Debug)]
enum Break {
    Error,
    NoEnd,
    GaveUp,
    Stall,
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    fate: Fate,
    piece: usize,
    has_usage: bool,
    /// Whether a model that goes on says the last words again.
    repeats: bool,
}

/// Answers with [`ANSWER`], as far as its fate lets it.
struct Bird {
    id: String,
    fates: Arc<Mutex<Vec<Exchange>>>,
    /// What each request has used, if it was said.
    told: Arc<Mutex<Vec<Option<Usage>>>>,
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where a repetition of the end begins that is certain to be one.
fn repetition(said: &str) -> Option<usize> {
    let far = floor(said, said.len().checked_sub(60)?);
    Some(far + said[far..].find(' ')? + 1)
}

impl Bird {
    fn answer(request: &ModelRequest, repeats: bool) -> &'static str {
        let said = match &request.messages[..] {
            [.., said, last] if said.role == Role::Assistant && last.role == Role::User => {
                said.text()
            }
            _ => String::new(),
        };
        assert!(ANSWER.starts_with(&said), "{said}");
        let from = repetition(&said).filter(|_| repeats).unwrap_or(said.len());
        &ANSWER[from..]
    }
}

impl Model for Bird {
    fn id(&self) -> &str {
        &self.id
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let exchange = self.fates.lock().unwrap().pop();
        let Exchange {
            fate,
            piece,
            has_usage,
            repeats,
        } = exchange.unwrap_or(Exchange {
            fate: Fate::Whole,
            piece: 5,
            has_usage: true,
            repeats: false,
        });
        let rest = Self::answer(&request, repeats);
        let (rest, broken) = match fate {
            Fate::Refused(status) => {
                self.told.lock().unwrap().push(Some(Usage::new(0, 0)));
                let error = Error::new(ErrorKind::Model, "refused").with_status(status);
                return ModelStream::from_error(error.retryable(status != 401));
            }
            Fate::Broken(bytes, how) => (&rest[..floor(rest, bytes)], Some(how)),
            Fate::Whole => (rest, None),
        };
        let usage = Usage::new(10, rest.len() as u64);
        self.told.lock().unwrap().push(has_usage.then_some(usage));

        let mut items = vec![Ok(ModelEvent::Started { request_id: None })];
        let mut at = 0;
        while at < rest.len() {
            let mut end = floor(rest, at + piece);
            if end == at {
                end = rest.len();
            }
            items.push(Ok(ModelEvent::Text(rest[at..end].into())));
            at = end;
        }
        if has_usage {
            items.push(Ok(ModelEvent::Usage(usage)));
        }
        let end = match broken {
            None => Some(Ok(ModelEvent::Finished(FinishReason::Stop))),
            Some(Break::GaveUp) => Some(Ok(ModelEvent::Finished("error".into()))),
            Some(Break::Error) => Some(Err(Error::new(ErrorKind::Truncated, "cut"))),
            Some(Break::NoEnd | Break::Stall) => None,
        };
        items.extend(end);
        let items = stream::iter(items);
        match broken {
            Some(Break::Stall) => ModelStream::new(items.chain(stream::pending())),
            _ => ModelStream::new(items),
        }
    }
}

#[derive(Debug, Default)]
struct Read {
    text: String,
    voids: usize,
    attempts: usize,
    usage: Usage,
    end: Option<Result<FinishReason>>,
}

/// Reads an answer, and looks at it with each event.
async fn read(model: &Recovery, recall: Recall) -> Read {
    let mut request = ModelRequest::new([Message::user("Tell me of birds.")]);
    request.recall = recall;
    let mut events = model.stream(request);
    let mut read = Read::default();
    let mut current = None;
    while let Some(item) = events.next().await {
        match item {
            Ok(ModelEvent::Text(text)) => read.text.push_str(&text),
            Ok(ModelEvent::Usage(usage)) => current = Some(usage),
            Ok(ModelEvent::NextAttempt(next)) => {
                read.attempts += 1;
                read.usage += next.usage;
                current = None;
                if next.is_void {
                    read.voids += 1;
                    read.text.clear();
                }
            }
            Ok(ModelEvent::Finished(reason)) => read.end = Some(Ok(reason)),
            Ok(_) => {}
            Err(error) => {
                if let Some(partial) = error.partial() {
                    assert!(ANSWER.starts_with(&*partial.text));
                }
                read.end = Some(Err(error));
            }
        }
        assert!(
            ANSWER.starts_with(&read.text),
            "{:?} isn't its beginning",
            read.text
        );
    }
    read.usage += current.unwrap_or_default();
    read
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let how = prop_oneof![
        Just(Break::Error),
        Just(Break::NoEnd),
        Just(Break::GaveUp),
        Just(Break::Stall),
    ];
    let fate = prop_oneof![
        1 => prop_oneof![Just(401), Just(429), Just(503)].prop_map(Fate::Refused),
        4 => (0..ANSWER.len(), how).prop_map(|(bytes, how)| Fate::Broken(bytes, how)),
        1 => Just(Fate::Whole),
    ];
    (fate, 1..40_usize, any::<bool>(), any::<bool>()).prop_map(
        |(fate, piece, has_usage, repeats)| Exchange {
            fate,
            piece,
            has_usage,
            repeats,
        },
    )
}

#[derive(Clone, Copy, Debug)]
struct Case {
    when_cut: WhenCut,
    in_text: WhenCut,
    can_recall: bool,
    attempts: u32,
    fallbacks: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let policies = prop_oneof![
        Just((WhenCut::Fail, WhenCut::Fail)),
        Just((WhenCut::Continue, WhenCut::Fail)),
        Just((WhenCut::Restart, WhenCut::Fail)),
        Just((WhenCut::Restart, WhenCut::Continue)),
        Just((WhenCut::Hold, WhenCut::Fail)),
    ];
    (policies, any::<bool>(), 1..4_u32, 0..3_usize).prop_map(
        |((when_cut, in_text), can_recall, attempts, fallbacks)| Case {
            when_cut,
            in_text,
            can_recall,
            attempts,
            fallbacks,
        },
    )
}

fn run(case: Case, fates: Vec<Exchange>) {
    let fates = Arc::new(Mutex::new(fates));
    let told = Arc::new(Mutex::new(Vec::new()));
    let bird = |id: usize| Bird {
        id: format!("bird-{id}"),
        fates: Arc::clone(&fates),
        told: Arc::clone(&told),
    };
    let mut plan = Recovery::of(bird(0))
        .attempts(case.attempts)
        .time_limits(TimeLimits::default().between_events(Duration::from_secs(9)))
        .when_cut(case.when_cut)
        .when_cut_in_text(case.in_text);
    for id in 1..=case.fallbacks {
        plan = plan.fallback(bird(id));
    }
    let recall = match case.can_recall {
        true => Recall::always(),
        false => Recall::never(),
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let read = runtime.block_on(read(&plan.build().unwrap(), recall));
    let told = told.lock().unwrap();

    match read.end.as_ref().unwrap() {
        Ok(reason) if reason.is_failure() => {}
        Ok(_) => assert_eq!(read.text, ANSWER),
        Err(error) if case.when_cut != WhenCut::Hold => {
            assert_eq!(error.partial().unwrap().text, *read.text);
        }
        Err(_) => assert_eq!(read.text, ""),
    }
    assert!(read.voids == 0 || case.can_recall);
    assert_eq!(read.attempts + 1, told.len());
    assert!(told.len() <= case.attempts as usize * (case.fallbacks + 1));

    let (last, given_up) = told.split_last().unwrap();
    let is_estimated = given_up.contains(&None);
    assert_eq!(read.usage.estimated, is_estimated);
    let requests =
        given_up.len() as u64 + u64::from(last.is_some_and(|usage| usage.input_tokens > 0));
    assert_eq!(read.usage.requests, requests);
    if !is_estimated {
        let all: Usage = told.iter().flatten().copied().sum();
        assert_eq!(read.usage.total_tokens(), all.total_tokens());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_delivered_is_the_answer_and_nothing_is_delivered_twice(
        case in case(),
        fates in prop::collection::vec(exchange(), 0..10),
    ) {
        run(case, fates);
    }
}
