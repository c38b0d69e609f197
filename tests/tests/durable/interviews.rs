//! An interview in a flow whose answers come to other processes: each one opens the file anew.

use std::path::Path;

use mainstem::{Flow, Outcome, SqliteStore, Suspension};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{builder, server_with};
use serde_json::{Value, json};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Booking {
    name: String,
    people: u8,
    nights: u8,
}

fn hotel(server: &ScriptedServer) -> Flow<String> {
    let booking = builder(server).interview::<Booking>().build().unwrap();
    Flow::new("hotel")
        .step("book", booking)
        .step("confirm", |booking: Booking| {
            let Booking {
                name,
                people,
                nights,
            } = booking;
            format!("{name}: {people} people, {nights} nights")
        })
}

fn knows(known: &Value) -> Reply {
    Reply::text([known.to_string()])
}

/// One life of the process: begins the run, or goes on with it.
async fn live(file: &Path, replies: Vec<Reply>, answer: Option<&str>) -> (Outcome<String>, usize) {
    let server = server_with(replies).await;
    let store = SqliteStore::open(file).await.unwrap();
    let flow = hotel(&server);
    let run = match answer {
        None => flow.run("Ann here.").id("r"),
        Some(answer) => {
            let asked = Suspension::load(&store, &"r".into()).await.unwrap();
            let id = asked.requests[0].id.to_string();
            flow.resume(asked.answer(&id, answer).unwrap())
        }
    };
    let outcome = run.store(store).outcome().await.unwrap();
    (outcome, server.requests().len())
}

fn question(outcome: Outcome<String>) -> (String, String) {
    let asked = outcome.suspended().unwrap().requests.remove(0);
    (asked.id.to_string(), asked.prompt.to_string())
}

#[tokio::test]
async fn each_answer_comes_to_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let name = json!({"name": "Ann"});
    let replies = vec![knows(&name), Reply::text(["How many?"])];
    let (outcome, requests) = live(&file, replies, None).await;
    let expected = ("book/answer[0]".to_owned(), "How many?".to_owned());
    assert_eq!((question(outcome), requests), (expected, 2));

    let two = json!({"name": "Ann", "people": 2});
    let replies = vec![knows(&two), Reply::text(["How long?"])];
    let (outcome, requests) = live(&file, replies, Some("We are two.")).await;
    let expected = ("book/answer[1]".to_owned(), "How long?".to_owned());
    assert_eq!((question(outcome), requests), (expected, 2));

    let all = json!({"name": "Ann", "people": 2, "nights": 3});
    let (outcome, requests) = live(&file, vec![knows(&all)], Some("Three nights.")).await;
    assert_eq!(requests, 1);
    match outcome {
        Outcome::Finished(result) => assert_eq!(result.output, "Ann: 2 people, 3 nights"),
        _ => panic!("it goes on asking"),
    }
}
