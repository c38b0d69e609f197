//! The process of the readers: sockets, and nothing between them and what they count.

use std::{
    cell::{Cell, RefCell},
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::LocalSet};

use super::{Errand, Kind, tally::Tally, ticks};

/// What the process says once each reader has read something.
const ALL_ARE_THERE: &str = "all are there";

/// What all readers together have seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) received: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) failed: u64,
    /// The first failure.
    pub(super) why: String,
    pub(super) bytes: u64,
    /// How many came after the last reader had its first: of these are the delays.
    pub(super) after_all_were_there: u64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    pub(super) max_us: u64,
}

/// The process, from where it was started.
pub(super) struct Client {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Client {
    pub(super) fn start(errand: &Errand) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(errand.to_args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the readers can't be started")?;
        let output = process
            .stdout
            .take()
            .context("the readers have no output")?;
        Ok(Self {
            process,
            output: BufReader::new(output),
        })
    }

    /// Waits until each reader has read something.
    pub(super) fn all_are_there(&mut self) -> Result<()> {
        let line = self.line()?;
        ensure!(line.trim() == ALL_ARE_THERE, "not all came: {line}");
        Ok(())
    }

    /// Waits until all have read all.
    pub(super) fn report(&mut self) -> Result<Report> {
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the readers have ended without a report");
        Ok(line)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the readers share: all of them are on one thread.
struct Shared {
    errand: Errand,
    request: Vec<u8>,
    buffer: RefCell<Vec<u8>>,
    there: Cell<u32>,
    /// From when on delays count.
    since: Cell<u64>,
    delays: RefCell<Vec<u32>>,
    report: RefCell<Report>,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(errand: &Errand) -> Result<()> {
    let shared = Rc::new(Shared {
        errand: errand.clone(),
        request: request(errand).await?,
        buffer: RefCell::new(vec![0; 64 << 10]),
        there: Cell::new(0),
        since: Cell::new(u64::MAX),
        delays: RefCell::default(),
        report: RefCell::default(),
    });
    let all = LocalSet::new();
    all.spawn_local(connect(Rc::clone(&shared)));
    all.await;
    let mut report = shared.report.take();
    let mut delays = shared.delays.take();
    delays.sort_unstable();
    let at = |part: f64| {
        let place = (delays.len() as f64 * part) as usize;
        delays
            .get(place.min(delays.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
            .into()
    };
    report.after_all_were_there = delays.len() as u64;
    (report.p50_us, report.p99_us, report.max_us) = (at(0.5), at(0.99), at(1.0));
    say(&serde_json::to_string(&report)?)
}

/// Readers come one after the other, as they do in life, and as a backlog allows.
async fn connect(shared: Rc<Shared>) {
    let between = Duration::from_secs(1) / shared.errand.connects.max(1);
    let began = tokio::time::Instant::now();
    for number in 0..shared.errand.readers {
        let reader = Rc::clone(&shared);
        // spawn: a reader is a task on this thread, and the set waits for all of them
        tokio::task::spawn_local(async move {
            let mut tally = Tally::default();
            let read = reader.read(&mut tally).await;
            tally.close(reader.errand.events);
            reader.count(&tally, read);
        });
        tokio::time::sleep_until(began + between * (number + 1)).await;
    }
}

impl Shared {
    async fn read(&self, tally: &mut Tally) -> Result<()> {
        let mut socket = TcpStream::connect(self.errand.address).await?;
        socket.write_all(&self.request).await?;
        let mut has_begun = false;
        loop {
            socket.readable().await?;
            let mut buffer = self.buffer.borrow_mut();
            let length = match socket.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            let piece = &buffer[..length];
            if !has_begun {
                has_begun = true;
                let is_well = piece.starts_with(b"HTTP/1.1 200");
                ensure!(is_well, "{}", String::from_utf8_lossy(piece));
            }
            self.take(piece, tally)?;
        }
        ensure!(tally.ended, "the stream ended without an end");
        Ok(())
    }

    fn take(&self, piece: &[u8], tally: &mut Tally) -> Result<()> {
        let now = ticks::now_us();
        let since = self.since.get();
        let mut delays = self.delays.borrow_mut();
        let before = tally.received;
        tally.read(piece, |due| {
            if due >= since {
                delays.push(u32::try_from(now.saturating_sub(due)).unwrap_or(u32::MAX));
            }
        });
        self.report.borrow_mut().bytes += piece.len() as u64;
        if before == 0 && tally.received > 0 {
            self.there.set(self.there.get() + 1);
            if self.there.get() == self.errand.readers {
                self.since.set(now);
                say(ALL_ARE_THERE)?;
            }
        }
        Ok(())
    }

    fn count(&self, tally: &Tally, read: Result<()>) {
        let mut report = self.report.borrow_mut();
        report.received += u64::from(tally.received);
        report.lost += tally.lost;
        report.doubled += tally.doubled;
        if let Err(error) = read {
            if report.failed == 0 {
                report.why = format!("{error:#}");
            }
            report.failed += 1;
        }
    }
}

/// What each reader sends.
async fn request(errand: &Errand) -> Result<Vec<u8>> {
    let port = errand.address.port();
    let input = format!(
        r#"{{"events":{},"pace_ms":{}}}"#,
        errand.events, errand.pace_ms
    );
    let post = |more: &str| {
        let body = format!(r#"{{"run":"ticks","input":{input}{more}}}"#);
        format!(
            "POST /runs HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-type: application/json\r\n\
             accept: text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    if errand.kind != Kind::Shared {
        return Ok(post("").into_bytes());
    }
    let id = super::server::begin(errand, &post(r#","detach":true"#)).await?;
    Ok(format!(
        "GET /runs/{id}/events HTTP/1.1\r\nhost: localhost:{port}\r\n\
         accept: text/event-stream\r\nconnection: close\r\n\r\n"
    )
    .into_bytes())
}

fn say(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
