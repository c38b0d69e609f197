//! Readers that are slower than their run, and what they cost.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use mainstem_core::{Bytes, RunContext, RunStatus};
use mainstem_serve::{ReadFrom, Served, Session, SessionLimits, SlowReader, StartOptions, code};

use crate::support::*;

const MANY: usize = 100_000;

fn detached() -> StartOptions {
    StartOptions::new().detached()
}

/// Long enough for everything that doesn't wait for a reader.
async fn meanwhile() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_never_reads_holds_its_run_and_nothing_else() {
    let sessions = builder().build().unwrap();
    let options = StartOptions::new().slow(SlowReader::Hold(100));
    let session = sessions.start("chat", json(MANY), options).await.unwrap();
    let reader = session.attach(ReadFrom::Start).await.unwrap();
    meanwhile().await;
    let stats = sessions.stats();
    assert!((100..=102).contains(&stats.events), "{stats:?}");
    assert!(
        stats.kept_events <= 102 && stats.kept_bytes < 40_000,
        "{stats:?}"
    );
    assert_eq!(stats.holds, 1);

    // Another run is as fast as it was.
    let other = sessions.start("chat", json(500), detached()).await.unwrap();
    assert_eq!(other.ended().await.unwrap().status, RunStatus::Finished);

    // An onlooker holds nothing, and the run goes on as its reader does; nothing is lost.
    let _onlooker = session.read(ReadFrom::Start).await.unwrap();
    let events = all(reader).await.unwrap();
    assert_eq!(events.len(), MANY + 4);
    assert_eq!(text(&events), said(MANY));
}

#[tokio::test(start_paused = true)]
async fn what_all_readers_have_isnt_kept_for_them() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let options = StartOptions::new();
    let session = sessions.start("talk", json(200), options).await.unwrap();
    let mut reader = session.attach(ReadFrom::Start).await.unwrap();
    some(&mut reader, 2).await;
    for _ in 0..100 {
        strings.say(1);
        some(&mut reader, 1).await;
    }
    let stats = sessions.stats();
    assert!(stats.kept_events <= 8, "{stats:?}");
    assert_eq!(stats.pages_read, 0);

    // Who comes now has what came before from the store, and what comes without a gap.
    let late = session.read(ReadFrom::Start).await.unwrap();
    strings.say(100);
    let (late, rest) = tokio::join!(all(late), all(reader));
    let late = late.unwrap();
    assert_eq!((late.len(), text(&late)), (204, said(200)));
    assert_eq!(rest.unwrap(), late[102..]);
}

#[tokio::test(start_paused = true)]
async fn a_held_run_is_ended_all_the_same() {
    for how in ["disconnect", "cancel", "shutdown"] {
        let sessions = builder().build().unwrap();
        let options = StartOptions::new().slow(SlowReader::Hold(10));
        let session = sessions.start("chat", json(MANY), options).await.unwrap();
        let reader = session.attach(ReadFrom::Start).await.unwrap();
        let other = sessions.open(session.id()).await.unwrap();
        drop(session);
        meanwhile().await;
        assert_eq!(sessions.stats().runs, 1);
        match how {
            "disconnect" => drop(reader),
            "cancel" => {
                other.cancel().await.unwrap();
                assert_eq!(end(&all(reader).await.unwrap()), "cancelled by cancel");
            }
            _ => {
                assert_eq!(sessions.shutdown(Duration::from_secs(1)).await, 1);
                assert_eq!(end(&all(reader).await.unwrap()), "cancelled by shutdown");
            }
        }
        let state = other.ended().await.unwrap();
        assert_eq!(state.status, RunStatus::Cancelled);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_doesnt_wait_for_ever() {
    let limit = Duration::from_secs(60);
    let sessions = builder().hold_limit(limit).build().unwrap();
    let options = || StartOptions::new().slow(SlowReader::Hold(10));
    let session = sessions.start("chat", json(5000), options()).await.unwrap();
    let mut slow = session.attach(ReadFrom::Start).await.unwrap();
    let mut slower = session.attach(ReadFrom::Start).await.unwrap();
    some(&mut slow, 5).await;
    let since = tokio::time::Instant::now();
    // Whoever reads on, however slowly, isn't cut.
    for _ in 0..4 {
        tokio::time::sleep(limit / 2).await;
        some(&mut slower, 1).await;
    }
    tokio::time::sleep(limit / 2).await;
    assert_eq!(sessions.stats().readers_cut, 0);
    tokio::time::sleep(limit).await;
    assert_eq!(sessions.stats().readers_cut, 1);
    assert!(since.elapsed() < limit * 4);
    let error = slower.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(code::READER_TOO_SLOW));
    assert!(slower.next().await.is_none());
    drop(slower);
    assert_eq!(all(slow).await.unwrap().len(), 4999);
    assert_eq!(session.ended().await.unwrap().status, RunStatus::Finished);

    // Without another reader it is as if this one had gone.
    let session = sessions.start("chat", json(5000), options()).await.unwrap();
    let _stuck = session.attach(ReadFrom::Start).await.unwrap();
    let other = sessions.open(session.id()).await.unwrap();
    drop(session);
    let since = tokio::time::Instant::now();
    assert_eq!(other.ended().await.unwrap().status, RunStatus::Cancelled);
    assert_eq!(since.elapsed(), limit);
}

/// A run that is done, and whose reader hasn't read since its beginning.
async fn unread(slow: SlowReader) -> (Session, mainstem_serve::Reader, mainstem_serve::Sessions) {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let options = detached().slow(slow);
    let session = sessions.start("talk", json(MANY), options).await.unwrap();
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    strings.say(1);
    assert_eq!(text(&some(&mut reader, 3).await), "0 ");
    strings.say(MANY);
    session.ended().await.unwrap();
    let stats = sessions.stats();
    assert!(stats.kept_events <= 128, "{stats:?}");
    assert!(stats.kept_bytes <= 256 << 10, "{stats:?}");
    (session, reader, sessions)
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_behind_is_given_joined_deltas() {
    let (session, reader, sessions) = unread(SlowReader::Join(256)).await;
    let events = all(reader).await.unwrap();
    assert_eq!(text(&events), said(MANY).trim_start_matches("0 "));
    // The newest are near enough to be given one by one.
    assert!((200..3000).contains(&events.len()), "{}", events.len());
    assert!(events.windows(2).all(|two| two[0].seq < two[1].seq));
    assert!(sessions.stats().deltas_joined > 90_000);

    // The place of a joined delta is that of its last one.
    let (joined, after) = (&events[7], text(&events[8..]));
    let rest = session.read(ReadFrom::After(joined.place())).await.unwrap();
    let rest = all(rest).await.unwrap();
    assert_eq!(text(&rest), after);

    // Whoever begins late isn't slow, and is given all of it as it is.
    let late = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    assert_eq!(late.len(), MANY + 4);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_begins_late_isnt_slow_by_that() {
    for slow in [SlowReader::Hold(9), SlowReader::Join(9), SlowReader::Cut(9)] {
        let strings = Strings::new();
        let sessions = builder().served(talker(&strings)).build().unwrap();
        let options = detached().slow(slow);
        let session = sessions.start("talk", json(2000), options).await.unwrap();
        strings.say(1500);
        meanwhile().await;
        let mut late = session.read(ReadFrom::Start).await.unwrap();
        let events = some(&mut late, 1502).await;
        assert_eq!(text(&events), said(1500));
        // From here on it is a reader like others.
        strings.say(500);
        session.ended().await.unwrap();
        match slow {
            SlowReader::Cut(_) => assert!(late.next().await.unwrap().is_err()),
            _ => assert!(all(late).await.unwrap().len() < 100),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_behind_is_cut_and_can_read_on() {
    let (session, mut reader, sessions) = unread(SlowReader::Cut(256)).await;
    let error = reader.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(code::READER_TOO_SLOW));
    assert!(reader.next().await.is_none());
    assert_eq!(sessions.stats().readers_cut, 1);

    let all_of_it = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    let last = all_of_it[2].place();
    let rest = session.read(ReadFrom::After(last)).await.unwrap();
    assert_eq!(all(rest).await.unwrap(), all_of_it[3..]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_keeps_up_is_given_everything_whatever_the_policy() {
    for slow in [SlowReader::Hold(8), SlowReader::Join(8), SlowReader::Cut(8)] {
        let strings = Strings::new();
        let limits = SessionLimits::new().kept_events(4);
        let sessions = builder()
            .served(talker(&strings))
            .limits(limits)
            .slow(slow)
            .build()
            .unwrap();
        let session = sessions.start("talk", json(500), detached()).await.unwrap();
        let mut reader = session.read(ReadFrom::Start).await.unwrap();
        some(&mut reader, 2).await;
        for piece in 0..500 {
            strings.say(1);
            let event = some(&mut reader, 1).await;
            assert_eq!(text(&event), format!("{piece} "));
        }
        let end = all(reader).await.unwrap();
        assert_eq!(end.len(), 2);
        assert_eq!(sessions.stats().deltas_joined, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_behind_the_ring_reads_the_store_and_joins_the_ring_again() {
    let strings = Strings::new();
    let limits = SessionLimits::new().kept_events(16);
    let sessions = builder()
        .served(talker(&strings))
        .limits(limits)
        .slow(SlowReader::Join(100_000))
        .build()
        .unwrap();
    let session = sessions
        .start("talk", json(1200), detached())
        .await
        .unwrap();
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    let mut events = some(&mut reader, 2).await;
    for _ in 0..3 {
        let before = sessions.stats().pages_read;
        strings.say(300);
        meanwhile().await;
        assert_eq!(sessions.stats().kept_events, 16);
        events.extend(some(&mut reader, 300).await);
        let pages = sessions.stats().pages_read - before;
        assert!((2..=4).contains(&pages), "{pages}");
        // Here, there is nothing to read from the store any more.
        let before = sessions.stats().pages_read;
        strings.say(50);
        for _ in 0..50 {
            events.extend(some(&mut reader, 1).await);
        }
        assert!(sessions.stats().pages_read - before <= 50);
        assert!(reader.next().now_or_never().is_none());
        for _ in 0..50 {
            let before = sessions.stats().pages_read;
            strings.say(1);
            events.extend(some(&mut reader, 1).await);
            assert_eq!(sessions.stats().pages_read, before);
        }
    }
    assert_eq!(text(&events), said(1200));
}

#[tokio::test(start_paused = true)]
async fn pages_of_large_events_have_few_of_them() {
    let served = Served::new(step("paint", async |ctx: RunContext, pieces: usize| {
        for _ in 0..pieces {
            ctx.emit(Bytes::new(vec![7; 64 << 10].into())).await;
        }
        Ok(())
    }));
    let sessions = builder().served(served).build().unwrap();
    let session = sessions
        .start("paint", json(300), detached())
        .await
        .unwrap();
    session.ended().await.unwrap();
    assert!(sessions.stats().kept_bytes <= 256 << 10);
    let events = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    assert_eq!(events.len(), 304);
    let pages = sessions.stats().pages_read;
    assert!(pages > 100, "{pages}");
}
