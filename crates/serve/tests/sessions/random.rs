//! Readers that come, read and go as they like, on a run that goes as it likes.

use futures::{FutureExt, StreamExt};
use mainstem_core::{Event, Place, Store};
use mainstem_serve::{ReadFrom, Reader, Session, SessionLimits, SlowReader, StartOptions};
use proptest::prelude::*;

use crate::support::*;

const PIECES: usize = 900;

/// What happens next.
#[derive(Clone, Debug)]
enum Next {
    /// The run may say so many pieces.
    Say(usize),
    /// The run gets time.
    Yield(usize),
    /// A reader reads what it can, so many events at most.
    Read(usize, usize),
    /// A reader begins.
    Begin(bool),
    Snapshot,
    /// A reader goes, and comes back to where it was.
    ComeBack(usize),
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        (0usize..20).prop_map(Next::Say),
        (1usize..60).prop_map(Next::Yield),
        (0usize..4, 0usize..60).prop_map(|(reader, events)| Next::Read(reader, events)),
        any::<bool>().prop_map(Next::Begin),
        Just(Next::Snapshot),
        (0usize..4).prop_map(Next::ComeBack),
    ]
}

/// A reader, and what it has.
struct Reading {
    reader: Reader,
    events: Vec<Event>,
    /// Whether it was given, or may have been, several deltas as one.
    may_be_joined: bool,
}

impl Reading {
    async fn begin(session: &Session, from: ReadFrom, attached: bool) -> Self {
        let reader = match attached {
            true => session.attach(from).await,
            false => session.read(from).await,
        };
        Self {
            reader: reader.unwrap(),
            events: Vec::new(),
            may_be_joined: from == ReadFrom::Snapshot,
        }
    }

    /// Reads what is there.
    fn read(&mut self, count: usize) {
        for _ in 0..count {
            match self.reader.next().now_or_never() {
                Some(Some(event)) => self.events.push(event.unwrap()),
                _ => return,
            }
        }
    }

    async fn come_back(&mut self, session: &Session) {
        let last = self.events.last().map(Event::place);
        let from = last.map_or(ReadFrom::Start, ReadFrom::After);
        self.reader = session.read(from).await.unwrap();
    }
}

async fn play(script: Vec<Next>, kept: usize, slow: SlowReader) {
    let strings = Strings::new();
    let limits = SessionLimits::new().kept_events(kept);
    let sessions = builder()
        .served(talker(&strings))
        .limits(limits)
        .slow(slow)
        .build()
        .unwrap();
    let options = StartOptions::new().detached();
    let session = sessions.start("talk", json(PIECES), options).await.unwrap();
    let mut readings = vec![Reading::begin(&session, ReadFrom::Start, true).await];
    for next in script {
        match next {
            Next::Say(pieces) => strings.say(pieces),
            Next::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Next::Read(reader, events) => {
                if let Some(reading) = readings.get_mut(reader) {
                    reading.read(events);
                }
            }
            Next::Begin(attached) => {
                readings.push(Reading::begin(&session, ReadFrom::Start, attached).await);
            }
            Next::Snapshot => {
                readings.push(Reading::begin(&session, ReadFrom::Snapshot, false).await);
            }
            Next::ComeBack(reader) => {
                if let Some(reading) = readings.get_mut(reader) {
                    reading.come_back(&session).await;
                }
            }
        }
        assert!(sessions.stats().kept_events <= kept as u64);
    }
    strings.say(PIECES);
    let read = readings.into_iter().map(|mut reading| async move {
        let rest = all(reading.reader).await.unwrap();
        reading.events.extend(rest);
        (reading.events, reading.may_be_joined)
    });
    let read = futures::future::join_all(read).await;
    let log = sessions
        .store()
        .read(session.id(), None, usize::MAX)
        .await
        .unwrap();
    let joins = sessions.stats().deltas_joined > 0;
    for (events, may_be_joined) in read {
        assert_eq!(text(&events), said(PIECES));
        assert!(events.windows(2).all(|two| two[0].seq < two[1].seq));
        let places: Vec<Place> = log.iter().map(Event::place).collect();
        assert!(events.iter().all(|event| places.contains(&event.place())));
        if !joins && !may_be_joined {
            assert_eq!(events, log);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nobody_misses_anything_or_has_it_twice(
        script in prop::collection::vec(next(), 0..40),
        kept in 1usize..40,
        limit in 1u64..40,
        hold: bool,
    ) {
        let slow = match hold {
            true => SlowReader::Hold(limit),
            false => SlowReader::Join(limit),
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(play(script, kept, slow));
    }
}
