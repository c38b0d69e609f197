use std::{sync::Mutex, time::Duration};

use futures::future::join_all;
use mainstem_core::{
    Message, ModelSettings, Usage,
    test_util::{Script, ScriptedModel},
};
use proptest::{collection::vec, prelude::*};
use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::ModelExt;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A model that notes when it is asked and what for, and answers at once.
#[derive(Clone, Debug, Default)]
struct Noted {
    sent: Arc<Mutex<Vec<(Instant, u64)>>>,
    /// Output tokens of an answer, for the input tokens that its request names as the user's words.
    output: u64,
}

impl Noted {
    fn sent(&self) -> Vec<(Instant, u64)> {
        self.sent.lock().unwrap().clone()
    }

    fn times(&self) -> Vec<Instant> {
        self.sent().into_iter().map(|(at, _)| at).collect()
    }
}

impl Model for Noted {
    fn id(&self) -> &str {
        "noted"
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let input = Named.count_request(&request);
        self.sent
            .lock()
            .unwrap()
            .push((Instant::now(), input + self.output));
        ModelStream::from_events([
            ModelEvent::Text("x".into()),
            ModelEvent::Usage(Usage::new(input, self.output)),
            ModelEvent::Finished("stop".into()),
        ])
    }
}

/// A request has the tokens that its user names.
struct Named;

impl TokenCounter for Named {
    fn count(&self, text: &str) -> u64 {
        text.parse().unwrap_or(0)
    }

    fn count_request(&self, request: &ModelRequest) -> u64 {
        request
            .messages
            .iter()
            .map(|it| self.count(&it.text()))
            .sum()
    }
}

fn request(tokens: u64) -> ModelRequest {
    let mut request = ModelRequest::new([Message::user(tokens.to_string())]);
    request.settings = ModelSettings::new().max_output_tokens(0);
    request
}

/// Reads an answer to its end.
async fn ask<M: Model>(model: &M, tokens: u64) -> Vec<ModelEvent> {
    let events: Vec<_> = model.stream(request(tokens)).collect().await;
    events.into_iter().map(Result::unwrap).collect()
}

/// The most that is sent in any span of a minute, from the beginning of the first to before its end.
fn most_in_a_minute(sent: &[(Instant, u64)]) -> u64 {
    let from = |begin: Instant| {
        let within = |at: Instant| at >= begin && at < begin + MINUTE;
        sent.iter()
            .filter(|(at, _)| within(*at))
            .map(|(_, amount)| amount)
            .sum()
    };
    sent.iter().map(|(at, _)| from(*at)).max().unwrap_or(0)
}

fn ones(times: Vec<Instant>) -> Vec<(Instant, u64)> {
    times.into_iter().map(|at| (at, 1)).collect()
}

async fn is_pending(stream: &mut ModelStream) -> bool {
    poll!(stream.next()).is_pending()
}

#[tokio::test(start_paused = true)]
async fn requests_are_spread() {
    let noted = Noted::default();
    let model = noted
        .clone()
        .limited(&Limiter::new().requests_per_minute(20));
    let start = Instant::now();
    ask(&model, 0).await;
    ask(&model, 0).await;
    // A task that comes a little late doesn't shift those behind it, and a pause saves nothing.
    advance(SECOND * 3 + SECOND / 50).await;
    ask(&model, 0).await;
    ask(&model, 0).await;
    advance(SECOND * 100).await;
    ask(&model, 0).await;
    ask(&model, 0).await;
    let millis: Vec<_> = noted
        .times()
        .iter()
        .map(|at| (*at - start).as_millis())
        .collect();
    assert_eq!(millis, [0, 3000, 6020, 9000, 109_000, 112_000]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_when_a_minute_is_over() {
    let noted = Noted::default();
    let limiter = Limiter::new().requests_per_minute(3).burst(3);
    let model = noted.clone().limited(&limiter);
    let start = Instant::now();
    for _ in 0..7 {
        sleep(SECOND).await;
        ask(&model, 0).await;
    }
    let seconds: Vec<_> = noted
        .times()
        .iter()
        .map(|at| (*at - start).as_secs())
        .collect();
    assert_eq!(seconds, [1, 2, 3, 61, 62, 63, 121]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_says_so_and_says_when_it_is_sent() {
    let limiter = Limiter::new().requests_per_minute(1);
    let model = Noted::default().limited(&limiter);
    assert_eq!(ask(&model, 0).await.len(), 3);
    sleep(SECOND * 20).await;
    let events = ask(&model, 0).await;
    let ModelEvent::Waiting(notice) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(notice.code, "rate_limited");
    assert_eq!(
        notice.message,
        "the request waits, because the limit of 1 requests a minute is reached; 0 wait before it, and \
         the next goes out in 40.0 s"
    );
    assert_eq!(events[1], ModelEvent::Sending);
    assert_eq!(events.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_while_it_waits_gives_its_place_back() {
    let noted = Noted::default();
    let limiter = Limiter::new().requests_per_minute(1).tokens_per_minute(100);
    let model = noted.clone().limited(&limiter);
    let start = Instant::now();
    ask(&model, 1).await;

    let mut before = model.stream(request(1));
    let mut large = model.stream(request(99));
    let mut last = model.stream(request(1));
    for stream in [&mut before, &mut large, &mut last] {
        assert!(matches!(
            stream.next().await,
            Some(Ok(ModelEvent::Waiting(_)))
        ));
        assert!(is_pending(stream).await);
    }
    drop(large);
    drop(before);
    assert_eq!(last.next().await.unwrap().unwrap(), ModelEvent::Sending);
    assert_eq!(noted.times(), [start, start + MINUTE]);
    drop(last);
    drop(model.stream(request(1)));
    ask(&model, 1).await;
    assert_eq!(noted.times()[2], start + MINUTE * 2);
}

#[tokio::test(start_paused = true)]
async fn who_stood_behind_one_that_leaves_goes_at_once_if_it_fits() {
    let limiter = Limiter::new().tokens_per_minute(100).token_counter(Named);
    let model = Noted::default().limited(&limiter);
    ask(&model, 50).await;
    let begin = Instant::now();
    let mut large = model.stream(request(60));
    let mut small = model.stream(request(10));
    for stream in [&mut large, &mut small] {
        stream.next().await.unwrap().unwrap();
    }
    assert!(is_pending(&mut small).await);
    let (sending, ()) = futures::join!(small.next(), async { drop(large) });
    assert_eq!(sending.unwrap().unwrap(), ModelEvent::Sending);
    assert_eq!(Instant::now(), begin);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_come_back_holds_up_nobody_and_keeps_its_place() {
    let noted = Noted::default();
    let limiter = Limiter::new().requests_per_minute(1);
    let model = noted.clone().limited(&limiter);
    let start = Instant::now();
    ask(&model, 0).await;

    let mut slow: Vec<_> = (0..3).map(|_| model.stream(request(7))).collect();
    for stream in &mut slow {
        stream.next().await.unwrap().unwrap();
        assert!(is_pending(stream).await);
    }
    let mut eager = model.stream(request(0));
    eager.next().await.unwrap().unwrap();
    eager.next().await.unwrap().unwrap();
    let late = noted.times()[1] - (start + MINUTE);
    assert!(late < SECOND / 2, "{late:?}");

    // Those that were passed over go first, in their order, once they are back.
    let (mut first, mut newest) = (slow.remove(0), model.stream(request(0)));
    let (first, newest) = futures::join!(first.next(), async {
        newest.next().await;
        newest.next().await;
        Instant::now()
    });
    assert_eq!(first.unwrap().unwrap(), ModelEvent::Sending);
    assert_eq!(noted.sent()[2].1, 7);
    assert!(newest >= noted.times()[2] + MINUTE);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_settled_by_what_the_answer_used() {
    // 100 a minute; each is taken to need 50, and needs 10.
    let noted = Noted::default();
    let limiter = Limiter::new().tokens_per_minute(100).token_counter(Named);
    let model = noted.clone().limited(&limiter);
    let mut generous = request(10);
    generous.settings = ModelSettings::new().max_output_tokens(40);
    let mut held: Vec<_> = (0..2).map(|_| model.stream(generous.clone())).collect();
    for stream in &mut held {
        stream.next().await.unwrap().unwrap();
    }
    let mut third = model.stream(generous.clone());
    assert!(matches!(
        third.next().await,
        Some(Ok(ModelEvent::Waiting(_)))
    ));
    assert!(is_pending(&mut third).await);
    let begin = Instant::now();
    let (sending, ()) = futures::join!(third.next(), async {
        for stream in &mut held {
            assert!(matches!(
                stream.next().await,
                Some(Ok(ModelEvent::Usage(_)))
            ));
        }
    });
    // 20 are used, 50 more fit.
    assert_eq!(sending.unwrap().unwrap(), ModelEvent::Sending);
    assert_eq!(Instant::now(), begin);

    // More than was thought: who comes next pays.
    let noted = Noted {
        output: 300,
        ..Noted::default()
    };
    let limiter = Limiter::new().tokens_per_minute(100).token_counter(Named);
    let model = noted.clone().limited(&limiter);
    let start = Instant::now();
    ask(&model, 10).await;
    ask(&model, 10).await;
    assert_eq!(noted.times(), [start, start + MINUTE]);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_of_its_own_an_answer_is_taken_to_need_what_others_did() {
    let noted = Noted {
        output: 90,
        ..Noted::default()
    };
    let limiter = Limiter::new().tokens_per_minute(1000).token_counter(Named);
    let model = noted.clone().limited(&limiter);
    let ask = async || {
        let mut request = request(10);
        request.settings = ModelSettings::new();
        let _: Vec<_> = model.stream(request).collect().await;
    };
    // The first is taken to need 510 and needs 100, so that a second fits beside it only then.
    for _ in 0..9 {
        ask().await;
    }
    let start = noted.times()[0];
    assert!(noted.times()[..5].iter().all(|at| *at == start));
    for _ in 0..40 {
        ask().await;
    }
    // By now they are known well: nine or ten go out in a minute.
    let sent = noted.sent();
    assert!(most_in_a_minute(&sent) <= 1000);
    assert!(
        most_in_a_minute(&sent[30..]) >= 800,
        "{}",
        most_in_a_minute(&sent[30..])
    );
}

#[tokio::test(start_paused = true)]
async fn what_never_fits_is_refused() {
    let limiter = Limiter::new().tokens_per_minute(100).token_counter(Named);
    let model = Noted::default().limited(&limiter);
    let refused = async |request: ModelRequest, of: &dyn Fn(Limiter) -> Limiter| {
        let model = model.model.as_ref().clone().limited(&of(limiter.clone()));
        let mut answer = model.stream(request);
        let used = answer.next().await.unwrap().unwrap();
        assert_eq!(used, ModelEvent::Usage(Usage::default()));
        let error = answer.next().await.unwrap().unwrap_err();
        assert!(!error.is_retryable());
        (error.kind(), error.message().to_owned())
    };
    let (kind, message) = refused(request(101), &|it| it).await;
    assert_eq!(kind, ErrorKind::Limit);
    assert!(
        message.contains("about 101 tokens and 0 of the answer"),
        "{message}"
    );
    let mut long = request(10);
    long.settings = ModelSettings::new().max_output_tokens(91);
    let (kind, message) = refused(long, &|it| it).await;
    assert_eq!(kind, ErrorKind::Limit);
    assert!(
        message.contains("91 of the answer, its `max_output_tokens`"),
        "{message}"
    );
    let (kind, message) = refused(request(1), &|it| it.requests_per_minute(0)).await;
    assert!(kind == ErrorKind::Config && message.contains("requests_per_minute"));
    let (kind, message) = refused(request(1), &|it| it.concurrent(0)).await;
    assert!(kind == ErrorKind::Config && message.contains("concurrent"));
    assert_eq!(ask(&model, 100).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_wait_is_left_alone_by_all() {
    let limited = |wait: u64| {
        let error = Error::new(ErrorKind::Model, "it answered 429").with_status(429);
        Script::new().fail(error.with_retry_after(SECOND * u32::try_from(wait).unwrap()))
    };
    let limiter = Limiter::new();
    let busy = ScriptedModel::new()
        .script(limited(20))
        .script(limited(86_400))
        .limited(&limiter);
    let other = Noted::default();
    let model = other.clone().limited(&limiter);
    for (begin, waits) in [(0, 20), (20, 80)] {
        assert_eq!(other.sent().len(), usize::from(begin > 0));
        assert!(busy.stream(request(0)).next().await.unwrap().is_err());
        let begin = Instant::now();
        let events = ask(&model, 0).await;
        let ModelEvent::Waiting(notice) = &events[0] else {
            panic!("{events:?}");
        };
        assert!(notice.message.contains("the server asked to wait"));
        assert_eq!((Instant::now() - begin).as_secs(), waits.min(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_held_until_the_stream_has_ended_or_is_dropped() {
    let text = || Script::text(["x"]).wait(SECOND);
    let broken = Script::new().fail(Error::new(ErrorKind::Model, "it failed"));
    let inner = ScriptedModel::new()
        .script(text())
        .script(text())
        .script(broken)
        .script(text());
    let limiter = Limiter::new().concurrent(1);
    let model = inner.clone().limited(&limiter);
    let mut first = model.stream(request(0));
    let mut second = model.stream(request(0));
    let mut third = model.stream(request(0));
    let mut fourth = model.stream(request(0));
    let mut seen = first.next().await;
    for stream in [&mut second, &mut third, &mut fourth] {
        assert!(matches!(
            stream.next().await,
            Some(Ok(ModelEvent::Waiting(_)))
        ));
        assert!(is_pending(stream).await);
    }
    while !matches!(seen, Some(Ok(ModelEvent::Finished(_)))) {
        seen = first.next().await;
    }
    // Finished, but not over.
    assert!(is_pending(&mut second).await);
    assert!(first.next().await.is_none());
    assert_eq!(second.next().await.unwrap().unwrap(), ModelEvent::Sending);
    second.next().await.unwrap().unwrap();
    assert!(is_pending(&mut third).await);
    drop(second);
    assert_eq!(third.next().await.unwrap().unwrap(), ModelEvent::Sending);
    assert!(third.next().await.unwrap().is_err());
    // A stream that has failed is over, though it is still held.
    assert_eq!(fourth.next().await.unwrap().unwrap(), ModelEvent::Sending);
    assert_eq!(inner.requests().len(), 4);
    drop((first, third));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_slot_and_leaves_takes_none() {
    let inner = ScriptedModel::new().always(["x"]);
    let limiter = Limiter::new().concurrent(1);
    let model = inner.clone().limited(&limiter);
    let mut first = model.stream(request(0));
    first.next().await.unwrap().unwrap();
    let mut second = model.stream(request(0));
    second.next().await.unwrap().unwrap();
    assert!(is_pending(&mut second).await);
    drop(second);
    drop(first);
    assert!(matches!(
        model.stream(request(0)).next().await,
        Some(Ok(ModelEvent::Started { .. }))
    ));
    assert_eq!(inner.requests().len(), 2);
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Ask(u64),
    Leave(usize),
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        5 => (1..40u64).prop_map(Deed::Ask),
        1 => (0..20usize).prop_map(Deed::Leave),
        3 => (1..30_000u64).prop_map(Deed::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever asks, leaves, or comes late: no minute has too much, and all who stay are served.
    #[test]
    fn no_minute_has_too_much(deeds in vec(deed(), 1..60), burst in 0..9u32) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let sent = runtime.block_on(async move {
            let noted = Noted::default();
            let limiter = Limiter::new()
                .requests_per_minute(6)
                .burst(burst)
                .tokens_per_minute(100)
                .token_counter(Named);
            let model = noted.clone().limited(&limiter);
            let mut waiting: Vec<ModelStream> = Vec::new();
            for deed in deeds {
                match deed {
                    Deed::Ask(tokens) => {
                        let mut stream = model.stream(request(tokens));
                        let _ = poll!(stream.next());
                        let _ = poll!(stream.next());
                        waiting.push(stream);
                    }
                    Deed::Leave(which) => {
                        if let Some(which) = which.checked_rem(waiting.len()) {
                            drop(waiting.remove(which));
                        }
                    }
                    Deed::Wait(millis) => advance(Duration::from_millis(millis)).await,
                }
            }
            join_all(waiting.into_iter().map(|stream| stream.count())).await;
            noted.sent()
        });
        prop_assert!(most_in_a_minute(&sent) <= 100);
        prop_assert!(most_in_a_minute(&ones(sent.iter().map(|it| it.0).collect())) <= 6);
    }
}
