//! `mainstem runs`.

use mainstem::{Durability, Json, RunCancelled, RunFinished, StepResult, Usage};
use mainstem::{
    Epoch, ErrorKind, Event, EventKind, Flow, NewRun, Place, Question, Seq, SqliteStore, StepPath,
    Store, Timestamp, ask, each, named, optional,
};

use crate::harness::{Done, TempFile, mainstem};

/// 2025-11-21T02:40:00Z.
const THEN: u64 = 1_763_692_800_000;

struct File(TempFile);

impl File {
    fn new(name: &str) -> Self {
        Self(TempFile::new(name, ""))
    }

    async fn store(&self) -> SqliteStore {
        SqliteStore::open(self.0.path()).await.unwrap()
    }

    async fn runs(&self, args: &[&str]) -> Done {
        let mut command = mainstem(&["runs"]);
        command.args(args).args(["--store", self.0.path()]);
        Done::of(command).await
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for beside in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{beside}", self.0.path()));
        }
    }
}

fn event(seq: u64, after: u64, kind: impl Into<EventKind>) -> Event {
    let at = Timestamp::from_unix_millis(THEN + after);
    let place = Place::new(Epoch::FIRST, Seq(seq));
    Event::new(place, at, StepPath::run(), kind.into())
}

/// Three runs: of another name, stopped, finished; the last one first.
async fn three(file: &File) {
    let store = file.store().await;
    let finished = RunFinished::new(Json::null(), Usage::default());
    let stopped = RunCancelled::new(mainstem::CancelledBy::Stop);
    let day = 24 * 3_600_000;
    for (id, name, owner, created, end) in [
        ("r1", "guide", None, 0, Some(finished.into())),
        (
            "r2",
            "guide",
            Some("ada"),
            day,
            Some(EventKind::from(stopped)),
        ),
        ("r3", "vögel\u{1b}[2J", None, 2 * day, None),
    ] {
        let mut run = NewRun::new(id, name);
        run.created = Timestamp::from_unix_millis(THEN + created);
        run.owner = owner.map(Into::into);
        store.create(run).await.unwrap();
        if let Some(end) = end {
            let events = vec![event(1, created + 1250, end)];
            let run = id.into();
            let appended = store.append(&run, Epoch::FIRST, events, Durability::Process);
            appended.await.unwrap();
        }
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    let file = File::new("listed");
    three(&file).await;
    let table = "\
BEGUN                TOOK   STATUS     NAME      OWNER  RUN
2025-11-23 02:40:00         running    vögel[2J         r3
2025-11-22 02:40:00  1.2 s  cancelled  guide     ada    r2
2025-11-21 02:40:00  1.2 s  finished   guide            r1
";
    file.runs(&["--utc"]).await.is(0, table);
    file.runs(&["list", "--utc"]).await.is(0, table);
}

#[tokio::test]
async fn they_are_found_by_what_they_are() {
    let file = File::new("found");
    three(&file).await;
    let found = async |args: &[&str]| {
        let done = file.runs(&[args, &["--json", "--utc"]].concat()).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        let ids: Vec<_> = done
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        ids.join(" ")
    };
    for (args, ids) in [
        (&["--name", "guide"][..], "r2 r1"),
        (&["--owner", "ada"], "r2"),
        (&["--status", "finished,running"], "r3 r1"),
        (&["--status", "finished", "--status", "cancelled"], "r2 r1"),
        (&["--since", "2025-11-22"], "r3 r2"),
        (&["--until", "2025-11-22T02:40"], "r1"),
        (&["--since", "2025-11-22T03:40+01:00"], "r3 r2"),
        (&["--since", "1h"], ""),
        (&["--limit", "1", "--after", "r2"], "r1"),
    ] {
        assert_eq!(found(args).await, ids, "{args:?}");
    }
    let page = file.runs(&["--limit", "2"]).await;
    assert!(page.stderr.contains("add --after r2"), "{page:?}");
    let none = file.runs(&["--name", "nobody"]).await;
    none.tells(0, "", &["no such runs"]);
}

#[tokio::test]
async fn what_cannot_be_found_is_told_and_nothing_is_made() {
    let missing = "no/such/runs.db";
    let done = Done::of(mainstem(&["runs", "--store", missing])).await;
    done.tells(2, "", &["there is no file `no/such/runs.db`"]);
    let done = Done::of(mainstem(&["runs"])).await;
    done.tells(2, "", &["Give the file of their store by `--store FILE`"]);
    let mut command = mainstem(&["runs"]);
    command.env("MAINSTEM_STORE", "");
    let done = Done::of(command).await;
    done.tells(2, "", &["Give the file of their store by `--store FILE`"]);
    let done = Done::of(mainstem(&["runs", "--store", "."])).await;
    done.tells(2, "", &["`.` is a directory"]);
    let file = File::new("missing");
    three(&file).await;
    let done = file.runs(&["show", "r9"]).await;
    done.tells(2, "", &["there is no run `r9`"]);
    let done = file.runs(&["--since", "soon"]).await;
    done.tells(2, "", &["`--since soon` is no time"]);
    let done = file.runs(&["--after", "r9"]).await;
    done.tells(2, "", &["there is no run `r9`"]);
    let mut command = mainstem(&["runs", "--json", "--name", "guide"]);
    command.env("MAINSTEM_STORE", file.0.path());
    assert_eq!(Done::of(command).await.stdout.lines().count(), 2);
}

/// A picture without its times.
fn untimed(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.split(" — ").next().unwrap();
        format!("{line}\n")
    });
    lines.collect()
}

#[tokio::test]
async fn a_run_is_shown_with_its_steps() {
    let file = File::new("shown");
    let fails = async |_: Vec<usize>| -> StepResult<u8> { Err(std::io::Error::other("secret"))? };
    let flow = Flow::new("guide")
        .step("words", |text: String| {
            text.split(' ').map(str::to_owned).collect::<Vec<_>>()
        })
        .step("measure", each(|word: String| word.len()))
        .parallel(
            "both",
            (|it: Vec<usize>| it.len(), named("sum", |it: Vec<usize>| it)),
        )
        .step("pick", |(_, it): (usize, Vec<usize>)| it)
        .step("try", optional(fails))
        .step(
            "approve",
            ask::<bool, _>(|_: &Option<u8>| Question::new("Go on?")),
        );
    let run = flow.run("a jay sings").store(file.store().await).id("r1");
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Suspended);

    let done = file.runs(&["show", "r1", "--utc"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let (facts, tree) = done.stdout.split_once("\n\n").unwrap();
    assert_eq!(
        untimed(tree),
        "\
? guide (flow)
├─ ✓ words (function)
├─ ✓ measure (map)
│  └─ ✓ function
├─ ✓ both (parallel, at the same time)
│  ├─ ✓ function
│  └─ ✓ sum (function)
├─ ✓ pick (function)
├─ ✓ try (optional)
│  └─ ✗ function
└─ ? approve (ask)
"
    );
    assert!(tree.contains("✓ function — 3 "), "{tree}");
    let facts: Vec<_> = facts.lines().collect();
    assert_eq!(
        facts[..3],
        [
            "run     r1",
            "name    guide",
            "status  suspended: waits for approve"
        ]
    );
    assert!(
        facts[3].starts_with("begun   20") && facts[3].ends_with(" +00:00"),
        "{facts:?}"
    );
    assert!(
        facts[4].starts_with("last    20") && facts[4].contains(" (after "),
        "{facts:?}"
    );
    assert!(!done.stdout.contains("secret"));

    let log = file.runs(&["show", "r1", "--json"]).await.stdout;
    let kinds: Vec<_> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .collect();
    assert_eq!(
        (&kinds[0]["id"], &kinds[0]["status"]),
        (&"r1".into(), &"suspended".into())
    );
    assert_eq!(kinds[1]["type"], "run_started");
    assert_eq!(kinds.last().unwrap()["type"], "run_suspended");
}

#[tokio::test]
async fn a_run_without_steps_is_shown_as_far_as_it_is_known() {
    let file = File::new("bare");
    three(&file).await;
    let shown = "\
run     r2
name    guide
owner   ada
status  cancelled: by stop
begun   2025-11-22 02:40:00 +00:00
last    2025-11-22 02:40:01 (after 1.2 s)
events  1
";
    file.runs(&["show", "r2", "--utc"]).await.is(0, shown);
}
