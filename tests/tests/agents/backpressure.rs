//! A reader that pauses holds the model's server back.

use std::time::Duration;

use mainstem::RunStream;
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{agent, within};

const MEGABYTE: u64 = 1 << 20;
const PIECE: usize = 1000;

/// Waits until the server has written nothing for 20 looks in a row.
async fn settled(server: &ScriptedServer) -> u64 {
    let (mut last, mut same) = (server.bytes_written(), 0);
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = server.bytes_written();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        if same == 20 {
            return last;
        }
    }
    panic!("the server still writes: {last} bytes");
}

/// How many bytes of the body hold a piece.
fn frame() -> u64 {
    let body = |count| {
        Reply::stream()
            .repeat("x".repeat(PIECE), count)
            .body_bytes()
            .len()
    };
    (body(2) - body(1)) as u64
}

async fn read(run: &mut RunStream<String>, pieces: usize) {
    for _ in 0..pieces {
        assert_eq!(within(run.next_text()).await.unwrap().unwrap().len(), PIECE);
    }
}

/// How far the server is ahead of a reader that pauses after so many pieces: in all, and without
/// what the kernel holds.
async fn ahead_after(pauses: &[usize]) -> Vec<(u64, u64)> {
    let server = ScriptedServer::builder();
    let server = server.send_buffer(64 << 10).start().await.unwrap();
    server.push(Reply::endless("x".repeat(PIECE)));
    let mut run = agent(&server).run_streamed("Hi");
    let (mut pieces, mut ahead) = (0, Vec::new());
    for count in pauses {
        read(&mut run, *count).await;
        pieces += *count as u64;
        let all = settled(&server).await - pieces * frame();
        let kernels = queued(server.address().port());
        ahead.push((all, all.saturating_sub(kernels)));
        assert_eq!(server.active(), 1, "it waits");
    }
    ahead
}

/// What the kernel holds for all sockets of a port, both ways, as Linux says it; elsewhere none.
fn queued(port: u16) -> u64 {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let port = format!(":{port:04X}");
    let of_port = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&port))
            || fields.next().is_some_and(|remote| remote.ends_with(&port))
    };
    let both = |line: &str| {
        let (out, into) = line.split_whitespace().nth(4)?.split_once(':')?;
        Some(u64::from_str_radix(out, 16).ok()? + u64::from_str_radix(into, 16).ok()?)
    };
    sockets
        .lines()
        .skip(1)
        .filter(of_port)
        .filter_map(both)
        .sum()
}

#[tokio::test]
async fn a_paused_reader_stops_the_server_within_a_megabyte() {
    for (ahead, _) in ahead_after(&[1, 1, 20, 20]).await {
        assert!(ahead < MEGABYTE, "{ahead} bytes ahead");
    }
}

/// To one that reads fast the kernel gives a larger buffer; ours stays what it was.
#[tokio::test]
async fn a_fast_reader_that_pauses_leaves_less_than_a_megabyte_in_our_memory() {
    for (_, ours) in ahead_after(&[2_000, 2_000, 2_000, 2_000]).await {
        assert!(ours < MEGABYTE, "{ours} bytes are held");
    }
}
