//! Files that can't be opened, or aren't ours.

use std::{error::Error as _, fs, path::Path};

use mainstem::{Epoch, Error, ErrorKind, NewRun, RunQuery, SqliteStore, Store};
use mainstem_testkit::stores::Home;
use rusqlite::Connection;

use super::File;

async fn refused(path: &Path) -> Error {
    let error = SqliteStore::open(path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    error
}

/// What it says, without the directory that differs from run to run.
fn words(error: &Error, file: &File) -> String {
    let directory = file.path().parent().unwrap().display().to_string();
    error.to_string().replace(&directory, "DIR")
}

#[tokio::test]
async fn a_directory_that_is_missing_is_named() {
    let file = File::new();
    let error = refused(&file.path().parent().unwrap().join("data/runs.db")).await;
    assert_eq!(
        words(&error, &file),
        "the database `DIR/data/runs.db` can't be made: there is no directory `DIR/data`; make it \
         first"
    );
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_directory_is_no_file() {
    let file = File::new();
    let error = refused(file.path().parent().unwrap()).await;
    assert_eq!(
        words(&error, &file),
        "the database `DIR` is a directory; give the path of a file in it"
    );
}

#[tokio::test]
async fn names_that_are_no_files_are_refused() {
    for name in ["", ":memory:"] {
        let error = refused(Path::new(name)).await;
        assert!(error.to_string().contains("MemoryStore"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let file = File::new();
    let text = "Not a database, but somebody's notes. ".repeat(200);
    fs::write(file.path(), &text).unwrap();
    let error = refused(&file.path()).await;
    assert_eq!(
        words(&error, &file),
        "the database `DIR/runs.db` isn't a database of SQLite; give another file"
    );
    assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let file = File::new();
    let birds = "CREATE TABLE birds (name TEXT); INSERT INTO birds VALUES ('jay')";
    Connection::open(file.path())
        .unwrap()
        .execute_batch(birds)
        .unwrap();
    let before = fs::read(file.path()).unwrap();
    let error = refused(&file.path()).await;
    assert_eq!(
        words(&error, &file),
        "the database `DIR/runs.db` is another program's; give a file of its own"
    );
    assert!(fs::read(file.path()).unwrap() == before);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let file = File::new();
    let store = file.open().await;
    store.create(NewRun::new("r", "guide")).await.unwrap();
    drop(store);
    let newer = Connection::open(file.path()).unwrap();
    newer.pragma_update(None, "user_version", 4).unwrap();
    newer
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let before = fs::read(file.path()).unwrap();
    let error = refused(&file.path()).await;
    assert_eq!(
        words(&error, &file),
        "the database `DIR/runs.db` has the format 4, of a newer version of Mainstem; this one knows \
         3: take the newer one, or another file"
    );
    assert!(fs::read(file.path()).unwrap() == before);
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_no_empty_list() {
    let file = File::new();
    let store = file.open().await;
    for number in 0..200 {
        let run = NewRun::new(format!("run {number}"), "guide");
        store.create(run).await.unwrap();
    }
    drop(store);
    // Whatever is in the log of changes is moved into the file.
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let connection = Connection::open(file.path()).unwrap();
    connection.query_row(checkpoint, [], |_| Ok(())).unwrap();
    drop(connection);
    let mut bytes = fs::read(file.path()).unwrap();
    // The first page says what tables there are, and stays.
    bytes[4096..].fill(0x55);
    fs::write(file.path(), &bytes).unwrap();

    let store = file.open().await;
    let error = store.list(RunQuery::new(999)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("is damaged"), "{error}");
    let error = store
        .create(NewRun::new("another", "guide"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    drop(store);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_named_and_not_shown() {
    let file = File::new();
    let store = file.open().await;
    store.create(NewRun::new("r", "guide")).await.unwrap();
    let event = r#"{"seq":7,"epoch":1,"type":"text_delta","data":{"text":{"a":"secret"}}}"#;
    let write = Connection::open(file.path()).unwrap();
    let insert = "INSERT INTO events (run, seq, event) VALUES (1, 7, ?1)";
    write.execute(insert, [event]).unwrap();
    let error = store.read(&"r".into(), None, 9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(
        error
            .to_string()
            .starts_with("event 7 of run `r` isn't one"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
async fn files_are_plain_sqlite_for_any_tool() {
    let file = File::new();
    let store = file.open().await;
    store.create(NewRun::new("r", "guide")).await.unwrap();
    store.close(&"r".into(), Epoch::FIRST).await.unwrap();
    let copy = file.path().with_file_name("backup.db");
    let tool = Connection::open(file.path()).unwrap();
    tool.execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    let copied = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(
        copied.list(RunQuery::new(9)).await.unwrap(),
        store.list(RunQuery::new(9)).await.unwrap()
    );
}
