//! What is served.

use mainstem::models::reqwest::Method;
use serde_json::{Value, json};

use crate::program::{Program, id, said, soon, text};

#[tokio::test]
async fn an_article_is_json_that_grows() {
    let program = Program::start(&[]).await;
    let asks = json!({"run": "article", "input": "jays", "wire": "text"});
    let article = text(program.start_run(&asks).await).await;
    let article: Value = serde_json::from_str(&article).unwrap();
    assert!(article["title"].is_string() && article["sections"].is_array());
}

#[tokio::test]
async fn a_guide_has_its_three_steps() {
    let program = Program::start(&[]).await;
    let run = program.detached("guide", json!("What is an event?")).await;
    let events = program.log(&run).await;
    for step in ["analyze", "generate", "format"] {
        let path = format!("guide/{step}");
        assert!(events.iter().any(|event| event["path"] == *path), "{step}");
    }
}

#[tokio::test]
async fn research_has_progress() {
    let program = Program::start(&[]).await;
    let run = program
        .detached("research", json!("stores and limits?"))
        .await;
    let events = program.log(&run).await;
    assert!(events.iter().any(|event| event["type"] == "progress"));
    assert_eq!(events.last().unwrap()["type"], "run_finished");
}

#[tokio::test]
async fn an_approval_waits_for_its_answer() {
    let program = Program::start(&[]).await;
    let run = program.detached("approval", json!("Pay 7 €")).await;
    let asked = program.log(&run).await;
    let asked = asked.last().unwrap();
    assert_eq!(asked["type"], "run_suspended");
    assert_eq!(asked["data"]["requests"][0]["id"], "approve");
    let yes = json!({"answers": [{"id": "approve", "value": true}]});
    let answered = program.post(&format!("/runs/{run}/input"), &yes).await;
    let status = answered.status();
    assert!(status.is_success(), "{status}: {}", text(answered).await);
    let events = program.log(&run).await;
    assert!(said(&events).ends_with("Done: Pay 7 €."));
}

#[tokio::test]
async fn an_echo_fails_where_it_is_told_to() {
    let program = Program::start(&[]).await;
    let input = json!({"text": "jays", "chunk": 1, "fault": "fail"});
    let events = program.log(&program.detached("echo", input).await).await;
    assert_eq!(said(&events), "ja");
    assert_eq!(events.last().unwrap()["type"], "run_failed");
    let wrong = program
        .log(&program.detached("echo", json!({"chunk": 1})).await)
        .await;
    let told = &wrong.last().unwrap()["data"]["error"]["message"];
    assert!(told.as_str().unwrap().contains("`bytes_base64`"), "{told}");
}

#[tokio::test]
async fn what_an_echo_cant_take_is_told_by_its_place() {
    let program = Program::start(&[]).await;
    for (input, told) in [
        (
            json!({"text": "jays", "chunk": 0}),
            "at `/input/chunk`, expected a whole number that isn't 0",
        ),
        (
            json!({"text": "jays", "fault": "burn"}),
            "at `/input/fault`, expected one of `fail`",
        ),
        (
            json!({"text": "jays", "chunks": 1}),
            "unknown field `chunks`, expected one of `text`",
        ),
        (json!(7), "expected a text, or an object with `text`"),
        (json!(null), "`input` is null or was left out"),
    ] {
        let answer = program
            .post("/runs", &json!({"run": "echo", "input": input}))
            .await;
        assert_eq!(answer.status(), 422);
        let refused = text(answer).await;
        assert!(refused.contains(told), "{refused}");
    }
}

#[tokio::test]
async fn a_run_is_cancelled_by_its_id() {
    let program = Program::start(&[]).await;
    let hangs = json!({"run": "echo", "input": {"text": "jays", "fault": "hang"}});
    let run = program.start_run(&hangs).await;
    let path = format!("/runs/{}", id(&run));
    let cancelled = soon(program.request(Method::DELETE, &path).send()).await;
    assert!(cancelled.unwrap().status().is_success());
    assert!(text(run).await.contains("run_cancelled"));
}
