//! Clients that don't read, and clients that go away.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Path, routing::get};
use mainstem_serve::{ResponseOptions, respond, wire::Format};
use mainstem_tests::{client, within};

use crate::{
    case::{PIECE, PIECES, long},
    ends::{check, head, serve},
};

/// How many pieces were said, once no more are.
async fn settled(count: &AtomicUsize) -> usize {
    let mut last = count.load(Ordering::Relaxed);
    let mut same = 0;
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = count.load(Ordering::Relaxed);
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

async fn server(count: &Arc<AtomicUsize>) -> String {
    let count = Arc::clone(count);
    let answer = move |Path(format): Path<String>| async move {
        let format = Format::parse(&format).unwrap();
        respond(format, long(format, &count), ResponseOptions::new())
    };
    serve(Router::new().route("/{format}", get(answer))).await
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_run_back_and_then_gets_all_of_it() {
    let mut table = head("a client that stops reading");
    table.push_str("| holds the run back, and when it goes on has |");
    for format in Format::ALL {
        let count = Arc::new(AtomicUsize::new(0));
        let base = server(&count).await;
        let mut response = client()
            .get(format!("{base}/{format}"))
            .send()
            .await
            .unwrap();
        let mut length = within(response.chunk()).await.unwrap().unwrap().len();
        let ahead = settled(&count).await;
        assert!(
            ahead < PIECES * 3 / 4,
            "{format}: {ahead} pieces for a client that doesn't read"
        );
        while let Some(chunk) = within(response.chunk()).await.unwrap() {
            length += chunk.len();
        }
        assert_eq!(count.load(Ordering::Relaxed), PIECES, "{format}");
        let least = PIECES * PIECE;
        assert!(length >= least, "{format}: {length}");
        if matches!(format, Format::Text | Format::Binary) {
            assert_eq!(length, least, "{format}");
        }
        let shares = length.min(least) * 100 / least;
        write!(table, " {shares} % |").unwrap();
    }
    table.push('\n');
    check("slow", &table);
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_run() {
    for format in Format::ALL {
        let count = Arc::new(AtomicUsize::new(0));
        let base = server(&count).await;
        let mut response = client()
            .get(format!("{base}/{format}"))
            .send()
            .await
            .unwrap();
        within(response.chunk()).await.unwrap().unwrap();
        drop(response);
        // The run holds the count, and so does the server's handler.
        let gone = async {
            while Arc::strong_count(&count) > 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), gone)
            .await
            .unwrap();
        assert!(count.load(Ordering::Relaxed) < PIECES, "{format}");
    }
}
