//! The routes: start, read, list, answer, cancel.

use mainstem_serve::Right;
use serde_json::{Value, json};

use crate::support::{Serving, json, refused, server, within};

async fn text(request: reqwest::RequestBuilder) -> (u16, String) {
    let answer = within(request.send()).await.unwrap();
    (
        answer.status().as_u16(),
        within(answer.text()).await.unwrap(),
    )
}

/// The events of NDJSON, and the places of them.
fn events(ndjson: &str) -> Vec<Value> {
    let lines = ndjson.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn place(event: &Value) -> String {
    format!("{}-{}", event["epoch"], event["seq"])
}

#[tokio::test]
async fn a_run_is_started_and_read_in_the_wire_that_is_asked_for() {
    let serving = Serving::start(server()).await;
    let start = |wire: &str| {
        let body = json!({"run": "say", "input": "a jay sings", "wire": wire});
        serving.post("/runs", body)
    };
    let answer = within(start("text").send()).await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert!(answer.headers().contains_key("mainstem-run"));
    assert_eq!(answer.text().await.unwrap(), "a jay sings");

    let (_, ndjson) = text(start("ndjson")).await;
    let events = events(&ndjson);
    assert_eq!(events[0]["type"], "run_started");
    assert_eq!(events.last().unwrap()["data"]["output"], "a jay sings");

    // Without a name, by `Accept`; and a name wins over it.
    let plain = serving.post("/runs", json!({"run": "say", "input": "jay"}));
    let answer = plain.header("accept", "text/plain").send();
    assert_eq!(within(answer).await.unwrap().text().await.unwrap(), "jay");
    let answer = start("text")
        .header("accept", "application/x-ndjson")
        .send();
    let kind = within(answer).await.unwrap().headers()["content-type"].clone();
    assert_eq!(kind, "text/plain; charset=utf-8");
    let answer = serving
        .post("/runs", json!({"run": "say", "input": "jay"}))
        .send();
    let answer = within(answer).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let sse = answer.text().await.unwrap();
    assert!(
        sse.contains("\nid: 1-") || sse.starts_with("id: 1-"),
        "{sse}"
    );
    assert!(sse.contains("\"seq\""), "{sse}");
}

#[tokio::test]
async fn an_unknown_wire_is_refused_with_the_list() {
    let serving = Serving::start(server()).await;
    let body = json!({"run": "say", "input": "jay", "wire": "xml"});
    let (status, message) = text(serving.post("/runs", &body)).await;
    assert_eq!(status, 406);
    for wire in ["sse", "text", "ndjson"] {
        assert!(message.contains(&format!("`{wire}`")), "{message}");
    }
    let detached = json!({"run": "say", "input": "jay", "wire": "xml", "detach": true});
    assert_eq!(refused(serving.post("/runs", &detached)).await.0, 406);
    let accept = serving.post("/runs", json!({"run": "say", "input": "jay"}));
    assert_eq!(refused(accept.header("accept", "image/png")).await.0, 406);
}

#[tokio::test]
async fn a_detached_run_is_told_by_its_links() {
    let serving = Serving::start(server()).await;
    let body = json!({"run": "shout", "input": "jay", "detach": true, "metadata": {"who": "me"}});
    let answer = within(serving.post("/runs", body).send()).await.unwrap();
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let started = json(answer).await;
    assert_eq!(started["links"]["self"], location);
    assert_eq!(started["run"], "shout");
    let events_link = started["links"]["events"].as_str().unwrap();
    let ndjson = serving
        .get(events_link)
        .header("accept", "application/x-ndjson");
    let (_, log) = text(ndjson).await;
    assert_eq!(events(&log)[0]["data"]["metadata"]["who"], "me");
    let output = started["links"]["output"].as_str().unwrap();
    assert_eq!(text(serving.get(output)).await, (200, "\"JAY\"".into()));
    let state = json(serving.get(&location).send().await.unwrap()).await;
    assert_eq!(
        (&state["status"], &state["closed"]),
        (&json!("finished"), &json!(true))
    );
    assert_eq!(state["id"], started["id"]);
}

#[tokio::test]
async fn a_reader_goes_on_after_any_place() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("say", "one two three".into()).await;
    let path = format!("/runs/{id}/events");
    let (_, all) = text(serving.get(&format!("{path}?wire=ndjson"))).await;
    let all = events(&all);
    assert!(all.len() >= 6, "{all:?}");
    for (at, event) in all.iter().enumerate() {
        let after = format!("{path}?wire=ndjson&after={}", place(event));
        let by_header = serving.get(&format!("{path}?wire=ndjson&after={}", place(&all[0])));
        let by_header = by_header.header("last-event-id", place(event));
        for request in [serving.get(&after), by_header] {
            let (status, rest) = text(request).await;
            if at == all.len() - 1 {
                assert_eq!((status, &*rest), (204, ""));
            } else {
                assert_eq!((status, events(&rest)), (200, all[at + 1..].to_vec()));
            }
        }
        // The text from there on is what the text of all ends in.
        let said: Vec<_> = all[at + 1..]
            .iter()
            .filter_map(|it| it["data"]["text"].as_str())
            .collect();
        if at < all.len() - 1 {
            let after = format!("{path}?wire=text&after={}", place(event));
            assert_eq!(text(serving.get(&after)).await, (200, said.concat()));
        }
    }
    for (query, code) in [
        ("after=9-9", "no_such_place"),
        ("after=x", "no_place"),
        ("after=-1", "no_place"),
        ("after=1-1&after=1-2", "no_such_query"),
        ("befor=1-1", "no_such_query"),
        ("snapshot=perhaps", "no_such_query"),
    ] {
        let (_, refusal) = refused(serving.get(&format!("{path}?{query}"))).await;
        assert_eq!(refusal, code, "{query}");
    }
    let header = serving.get(&path).header("last-event-id", "nonsense");
    assert_eq!(refused(header).await, (400, "no_place".into()));
}

/// The id and the name of the last one of server-sent events.
fn last_frame(sse: &str) -> (&str, &str) {
    let frame = sse.trim_end().rsplit("\n\n").next().unwrap();
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
    (field("id: ").unwrap(), field("event: ").unwrap())
}

#[tokio::test]
async fn who_was_cut_before_the_end_is_told_it_and_who_has_it_is_sent_away() {
    let serving = Serving::start(server()).await;
    for (name, input) in [
        ("say", json!("a b")),
        ("broken", json!("x")),
        ("pay", json!(7)),
    ] {
        let id = serving.detached(name, input).await;
        let path = format!("/runs/{id}/events");
        let (_, all) = text(serving.get(&path)).await;
        let (log, _) = all.rsplit_once("event: end\n").unwrap();
        let (last, _) = last_frame(log);
        let after = |place: &str| serving.get(&path).header("last-event-id", place);
        // It is `end` alone, whatever the address says.
        for request in [after(last), serving.get(&format!("{path}?after={last}"))] {
            let (status, end) = text(request).await;
            assert_eq!(status, 200, "{name}");
            let (_, told) = all.rsplit_once("event: end\n").unwrap();
            assert_eq!(end, format!("retry: 1000\nevent: end\n{told}"), "{name}");
        }
        let (end, _) = last_frame(&all);
        assert_eq!(text(after(end)).await.0, 204, "{name}");
        let ndjson = serving.get(&format!("{path}?wire=ndjson&after={end}"));
        assert_eq!(text(ndjson).await.0, 204, "{name}");
        // Nothing else passes for it.
        let (epoch, seq) = end.split_once('-').unwrap();
        let seq: u64 = seq.parse().unwrap();
        for place in [format!("{epoch}-{}", seq + 1), format!("7-{seq}")] {
            let refusal = refused(after(&place)).await;
            assert_eq!(refusal, (404, "no_such_place".into()), "{name} {place}");
        }
    }
    // The id of a run's end is none while it has none.
    let id = serving.detached("endless", "x".into()).await;
    let path = format!("/runs/{id}/events?wire=ndjson");
    let mut reading = within(serving.get(&path).send()).await.unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("so far") {
        read.extend(within(reading.chunk()).await.unwrap().unwrap());
    }
    let last = read
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.is_empty());
    let last: Value = serde_json::from_slice(last.unwrap()).unwrap();
    let next = format!("1-{}", last["seq"].as_u64().unwrap() + 1);
    let refusal = refused(serving.get(&format!("{path}&after={next}"))).await;
    assert_eq!(refusal, (404, "no_such_place".into()));
}

#[tokio::test]
async fn the_id_of_a_suspensions_end_is_followed_by_what_follows_it() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("pay", 7.into()).await;
    let path = format!("/runs/{id}/events");
    let (_, first) = text(serving.get(&path)).await;
    let (end, name) = last_frame(&first);
    assert_eq!(name, "end");
    let yes = json!({"answers": [{"id": "approve", "value": true}]});
    let answered = serving.post(&format!("/runs/{id}/input"), yes).send();
    assert_eq!(within(answered).await.unwrap().status(), 202);
    let (_, all) = text(serving.get(&format!("{path}?wire=ndjson"))).await;
    let all = events(&all);
    let goes_on = all.iter().position(|it| it["type"] == "run_resumed");
    let rest = serving.get(&format!("{path}?wire=ndjson&after={end}"));
    let (status, rest) = text(rest).await;
    assert_eq!(
        (status, events(&rest)),
        (200, all[goes_on.unwrap()..].to_vec())
    );
    let (status, rest) = text(serving.get(&path).header("last-event-id", end)).await;
    assert_eq!(status, 200);
    assert!(
        rest.starts_with("retry: 1000\nevent: run_resumed\n"),
        "{rest}"
    );
    let said = serving.get(&format!("{path}?wire=text&after={end}"));
    assert_eq!(text(said).await.0, 200);
}

#[tokio::test]
async fn a_snapshot_is_shorter_and_says_the_same() {
    let serving = Serving::start(server()).await;
    let words = "word ".repeat(50);
    let id = serving.detached("say", words.clone().into()).await;
    let path = format!("/runs/{id}/events?wire=ndjson");
    let (_, all) = text(serving.get(&path)).await;
    let (_, short) = text(serving.get(&format!("{path}&snapshot=true"))).await;
    let (all, short) = (events(&all), events(&short));
    assert!(
        short.len() + 40 < all.len(),
        "{} and {}",
        short.len(),
        all.len()
    );
    let said: String = short
        .iter()
        .filter_map(|it| it["data"]["text"].as_str())
        .collect();
    assert_eq!(said, words);
    assert_eq!(short.last(), all.last());
    let (_, text) = text(serving.get(&format!("/runs/{id}/events?wire=text&snapshot=true"))).await;
    assert_eq!(text, words);
}

#[tokio::test]
async fn a_question_is_answered() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("pay", 7.into()).await;
    let run = format!("/runs/{id}");
    let (_, first) = text(serving.get(&format!("{run}/events?wire=ndjson"))).await;
    let asked = events(&first);
    let last = asked.last().unwrap();
    assert_eq!(last["type"], "run_suspended");
    let state = json(serving.get(&run).send().await.unwrap()).await;
    assert_eq!(state["status"], "suspended");
    assert_eq!(state["requests"][0]["id"], "approve");
    let output = serving.get(&format!("{run}/output"));
    assert_eq!(refused(output).await, (409, "run_suspended".into()));
    // Whoever has read all comes back in vain until it is answered.
    let after = format!("{run}/events?wire=ndjson&after={}", place(last));
    assert_eq!(text(serving.get(&after)).await.0, 204);
    let input = format!("{run}/input");
    for (answers, refusal) in [
        (json!([{"id": "other", "value": true}]), (404, "not_found")),
        (
            json!([{"id": "approve", "value": "a secret"}]),
            (422, "value"),
        ),
        (json!([{"value": true}]), (400, "body_misfit")),
        (json!([]), (422, "value")),
        (json!([{"id": "approve"}]), (422, "value")),
        (
            json!([{"id": "approve", "value": true, "refused": "x"}]),
            (422, "value"),
        ),
        (
            json!([{"id": "approve", "value": true}, {"id": "approve", "value": false}]),
            (422, "value"),
        ),
    ] {
        let refused = refused(serving.post(&input, json!({"answers": answers}))).await;
        assert_eq!((refused.0, &*refused.1), refusal, "{answers}");
    }
    let state = json(serving.get(&run).send().await.unwrap()).await;
    assert_eq!(
        (&state["status"], &state["last"]),
        (&json!("suspended"), &json!(place(last)))
    );
    let yes = json!({"answers": [{"id": "approve", "value": true}]});
    let answer = within(serving.post(&input, &yes).send()).await.unwrap();
    assert_eq!(answer.status(), 202);
    let (_, rest) = text(serving.get(&after)).await;
    let rest = events(&rest);
    assert_eq!(rest[0]["type"], "run_resumed");
    assert_eq!(rest.last().unwrap()["data"]["output"], "paid 7 €");
    let again = within(serving.post(&input, &yes).send()).await.unwrap();
    assert_eq!(again.status(), 409);
    let error = &json(again).await["error"];
    assert_eq!(error["code"], "conflict");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.ends_with("doesn't wait for an answer: it is finished"),
        "{message}"
    );

    // Answered by somebody who reads on at once.
    let id = serving.detached("pay", 8.into()).await;
    text(serving.get(&format!("/runs/{id}/events"))).await;
    let no = json!({"answers": [{"id": "approve", "value": false}], "wire": "ndjson"});
    let (status, rest) = text(serving.post(&format!("/runs/{id}/input"), no)).await;
    let rest = events(&rest);
    assert_eq!((status, &rest[0]["type"]), (200, &json!("run_resumed")));
    assert_eq!(rest.last().unwrap()["data"]["output"], "not paid");
}

#[tokio::test]
async fn a_run_is_cancelled_once() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("endless", "x".into()).await;
    let run = format!("/runs/{id}");
    let output = serving.get(&format!("{run}/output"));
    assert_eq!(refused(output).await, (409, "run_running".into()));
    for _ in 0..2 {
        let state = json(within(serving.delete(&run).send()).await.unwrap()).await;
        assert_eq!(state["status"], "cancelled");
    }
    let (_, log) = text(serving.get(&format!("{run}/events?wire=ndjson"))).await;
    let last = events(&log).pop().unwrap();
    assert_eq!(
        (&last["type"], &last["data"]["by"]),
        (&json!("run_cancelled"), &json!("cancel"))
    );
    let output = serving.get(&format!("{run}/output"));
    assert_eq!(refused(output).await, (409, "run_cancelled".into()));
}

#[tokio::test]
async fn a_failure_is_told_without_what_a_function_said() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("broken", "x".into()).await;
    let (_, log) = text(serving.get(&format!("/runs/{id}/events?wire=ndjson"))).await;
    assert_eq!(events(&log).pop().unwrap()["type"], "run_failed");
    assert!(!log.contains("a secret"), "{log}");
    // Whoever asks for the run, or for its output, is told why.
    let state = json(serving.get(&format!("/runs/{id}")).send().await.unwrap()).await;
    let error = &state["error"];
    assert_eq!(error["kind"], "step", "{state}");
    assert!(error["message"].as_str().is_some_and(|it| !it.is_empty()));
    let output = serving.get(&format!("/runs/{id}/output"));
    let output = json(output.send().await.unwrap()).await;
    assert_eq!(&output["error"]["cause"], error, "{output}");
    let output = serving.get(&format!("/runs/{id}/output"));
    assert_eq!(refused(output).await, (409, "run_failed".into()));
    // A text that ends in a failure is cut.
    let body = json!({"run": "broken", "input": "x", "wire": "text"});
    let answer = within(serving.post("/runs", body).send()).await.unwrap();
    assert!(within(answer.bytes()).await.is_err());
}

#[tokio::test]
async fn runs_are_listed_page_by_page() {
    let serving = Serving::start(server().allow(Right::List)).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let name = if n == 2 { "endless" } else { "shout" };
        ids.push(serving.detached(name, "x".into()).await);
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = serving.get(&format!("/runs?limit=2{next}")).send();
        let page = json(within(page).await.unwrap()).await;
        seen.extend(
            page["runs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|run| run["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(cursor) => next = format!("&after={cursor}"),
            None => break,
        }
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    let running = serving.get("/runs?status=running&name=endless").send();
    let running = json(within(running).await.unwrap()).await;
    assert_eq!(running["runs"].as_array().unwrap().len(), 1);
    assert!(running.get("next").is_none());
    for query in ["status=odd", "limit=-1", "limit=x", "after=x", "owner=ada"] {
        let refusal = refused(serving.get(&format!("/runs?{query}"))).await;
        assert_eq!(refusal, (400, "no_such_query".into()), "{query}");
    }
}

#[tokio::test]
async fn progress_is_a_tree_and_over_sse_its_changes() {
    let serving = Serving::start(server()).await;
    let id = serving.detached("say", "a b c".into()).await;
    text(serving.get(&format!("/runs/{id}/events"))).await;
    let path = format!("/runs/{id}/progress");
    let tree = json(serving.get(&path).send().await.unwrap()).await;
    assert_eq!(tree["nodes"][0]["state"], "completed", "{tree}");
    let (_, sse) = text(serving.get(&path).header("accept", "text/event-stream")).await;
    assert!(sse.starts_with("event: snapshot\n"), "{sse}");
    assert!(
        sse.contains("event: end\ndata: {\"state\":\"completed\"}"),
        "{sse}"
    );
    let place = tree["place"].as_str().unwrap();
    // Who has the last change, and not the end, has it now; who has its id has all.
    let again = || serving.get(&path).header("accept", "text/event-stream");
    let (status, more) = text(again().header("last-event-id", place)).await;
    assert_eq!((status, last_frame(&more)), (200, last_frame(&sse)));
    let (id, name) = last_frame(&sse);
    assert_eq!(name, "end");
    assert_ne!(id, place);
    assert_eq!(text(again().header("last-event-id", id)).await.0, 204);

    let id = serving.detached("endless", "x".into()).await;
    let live = serving.get(&format!("/runs/{id}/progress"));
    let mut live = within(live.header("accept", "text/event-stream").send())
        .await
        .unwrap();
    let first = within(live.chunk()).await.unwrap().unwrap();
    assert!(first.starts_with(b"event: snapshot\n"));
    within(serving.delete(&format!("/runs/{id}")).send())
        .await
        .unwrap();
    let rest = within(live.text()).await.unwrap();
    assert!(
        rest.contains("event: delta\n") && rest.contains(r#"{"state":"cancelled"}"#),
        "{rest}"
    );
}

#[tokio::test]
async fn progress_that_is_asked_for_again_reads_what_came_since() {
    let (router, sessions) = server().parts().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let input = mainstem::Json::new("a b c").unwrap();
    let options = mainstem_serve::StartOptions::new().detached();
    let run = sessions.start("say", input, options).await.unwrap();
    within(run.ended()).await.unwrap();
    let ask = async || {
        let asked = reqwest::get(format!("{url}/runs/{}/progress", run.id()));
        json(within(asked).await.unwrap()).await
    };
    let before = sessions.stats().pages_read;
    let first = ask().await;
    let read = sessions.stats().pages_read;
    assert!(read > before);
    assert_eq!(first["nodes"][0]["state"], "completed", "{first}");
    assert_eq!(ask().await, first);
    assert_eq!(sessions.stats().pages_read, read);

    let input = mainstem::Json::new("x").unwrap();
    let options = mainstem_serve::StartOptions::new().detached();
    let run = sessions.start("endless", input, options).await.unwrap();
    let ask = async || {
        let asked = reqwest::get(format!("{url}/runs/{}/progress", run.id()));
        json(within(asked).await.unwrap()).await
    };
    assert_eq!(ask().await["nodes"][0]["state"], "running");
    run.cancel().await.unwrap();
    assert_eq!(ask().await["nodes"][0]["state"], "cancelled");
}

#[tokio::test]
async fn the_router_is_nested_in_an_application() {
    let (router, sessions) = server().parts().unwrap();
    let app = axum::Router::new().nest("/ai", router);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move { axum::serve(listener, app).await });
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap();
    let start = client
        .post(format!("{url}/ai/runs"))
        .header("content-type", "application/json");
    let start = start.body(json!({"run": "shout", "input": "x", "detach": true}).to_string());
    let started = json(within(start.send()).await.unwrap()).await;
    let events = started["links"]["events"].as_str().unwrap();
    assert!(events.starts_with("/ai/runs/"), "{events}");
    let read = within(client.get(format!("{url}{events}")).send())
        .await
        .unwrap();
    assert_eq!(read.status(), 200);
    // What the application starts itself is found there, too.
    let input = mainstem::Json::new("x").unwrap();
    let options = mainstem_serve::StartOptions::new().detached();
    let own = sessions.start("shout", input, options).await.unwrap();
    let output = client
        .get(format!("{url}/ai/runs/{}/events", own.id()))
        .send();
    let events = within(output).await.unwrap().text().await.unwrap();
    assert!(events.contains("run_finished"), "{events}");
    assert_eq!(sessions.shutdown(std::time::Duration::ZERO).await, 0);
    let start = client
        .post(format!("{url}/ai/runs"))
        .header("content-type", "application/json")
        .body(json!({"run": "shout", "input": "x"}).to_string());
    assert_eq!(refused(start).await, (503, "shutting_down".into()));
    served.abort();
}
