//! Runs over a WebSocket: started, acknowledged, answered, cut, resumed, cancelled.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use mainstem_serve::{
    Limits, Principal, Right,
    wire::ws::{BinaryMessage, CHUNKS_SUBPROTOCOL, SUBPROTOCOL},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        ClientRequestBuilder, Error, Message,
        http::{StatusCode, Uri},
        protocol::CloseFrame,
    },
};

use crate::support::{Serving, json, refused, server, within};

pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

impl Client {
    pub(crate) async fn connect(serving: &Serving, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::try_connect(serving, path, headers).await.unwrap()
    }

    pub(crate) async fn try_connect(
        serving: &Serving,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let uri: Uri = format!("ws://{}{path}", serving.address).parse().unwrap();
        let mut request = ClientRequestBuilder::new(uri);
        for (name, value) in headers {
            request = match *name {
                "protocol" => request.with_sub_protocol(*value),
                name => request.with_header(name, *value),
            };
        }
        let (socket, _) = within(client_async(request, serving.connect().await)).await?;
        Ok(Self(socket))
    }

    async fn v1(serving: &Serving) -> Self {
        Self::connect(serving, "/ws", &[("protocol", SUBPROTOCOL)]).await
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// The next message; what isn't JSON is a string.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            match within(self.0.next()).await? {
                Ok(Message::Text(text)) => {
                    let text = text.as_str();
                    return Some(serde_json::from_str(text).unwrap_or_else(|_| text.into()));
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// All messages until the close, and its frame.
    pub(crate) async fn rest(&mut self) -> (Vec<Value>, Option<CloseFrame>) {
        let mut said = Vec::new();
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Text(text))) => {
                    let text = text.as_str();
                    said.push(serde_json::from_str(text).unwrap_or_else(|_| text.into()));
                }
                Some(Ok(Message::Close(frame))) => return (said, frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (said, None),
            }
        }
    }

    pub(crate) async fn closed(&mut self) -> u16 {
        let (_, frame) = self.rest().await;
        frame.map_or(0, |frame| frame.code.into())
    }
}

fn types(said: &[Value]) -> Vec<&str> {
    said.iter().map(|it| it["type"].as_str().unwrap()).collect()
}

fn place(event: &Value) -> String {
    format!("{}-{}", event["epoch"], event["seq"])
}

async fn status(serving: &Serving, id: &str) -> Value {
    let state = serving.get(&format!("/runs/{id}")).send();
    json(within(state).await.unwrap()).await["status"].clone()
}

async fn until(serving: &Serving, id: &str, wanted: &str) {
    within(async {
        while status(serving, id).await != wanted {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_is_started_and_read_to_its_end() {
    let serving = Serving::start(server()).await;
    let mut client = Client::v1(&serving).await;
    client
        .say(json!({"type": "start", "name": "say", "input": "a jay sings"}))
        .await;
    let (said, close) = client.rest().await;
    assert_eq!(types(&said)[..2], ["started", "run_started"]);
    assert_eq!(types(&said).last(), Some(&"end"));
    assert_eq!(said.last().unwrap()["outcome"], "finished");
    let text: String = said
        .iter()
        .filter_map(|it| it["data"]["text"].as_str())
        .collect();
    assert_eq!(text, "a jay sings");
    assert_eq!(u16::from(close.unwrap().code), 1000);
    // It is the log.
    let id = said[0]["run"].as_str().unwrap();
    let log = serving
        .get(&format!("/runs/{id}/events?wire=ndjson"))
        .send();
    let log = within(log).await.unwrap().text().await.unwrap();
    let log = log.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["place"], place(&event));
        event.as_object_mut().unwrap().remove("place");
        event
    });
    let log: Vec<_> = log.collect();
    assert_eq!(said[1..said.len() - 1], log);
}

#[tokio::test]
async fn ends_have_codes_of_their_own() {
    let serving = Serving::start(server()).await;
    let mut client = Client::v1(&serving).await;
    client
        .say(json!({"type": "start", "name": "broken", "input": "x"}))
        .await;
    assert_eq!(client.closed().await, 4001);
    for (message, code) in [
        (
            json!({"type": "start", "name": "nothing", "input": "x"}),
            4404,
        ),
        (json!({"type": "start", "name": "shout", "input": 7}), 4400),
        (json!({"type": "resume", "run": "nothing"}), 4404),
        (json!({"type": "odd"}), 4400),
        (json!({"type": "cancel"}), 4400),
        (json!({"type": "detach"}), 4400),
        (json!({"type": "input", "answers": []}), 4400),
        (json!("a secret"), 4400),
    ] {
        let mut client = Client::v1(&serving).await;
        client.say(message.clone()).await;
        let (said, close) = client.rest().await;
        let close = close.unwrap();
        assert_eq!(u16::from(close.code), code, "{message}");
        let told = format!("{said:?} {close:?}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn a_message_that_doesnt_fit_is_told_by_its_field() {
    let serving = Serving::start(server().allow(Right::List)).await;
    for (message, told) in [
        (
            json!({"type": "start", "name": "a secret"}),
            "`start` doesn't fit: missing field `input`",
        ),
        (
            json!({"type": "ack", "seq": "a secret"}),
            "`ack` doesn't fit: at `/seq`, expected",
        ),
        (
            json!({"type": "input", "answers": [{"id": "approve"}]}),
            "the answer `approve` has no `value`",
        ),
        (
            json!({"type": "start", "name": "hang", "input": "", "detatch": "a secret"}),
            "`start` doesn't fit: unknown field `detatch`, expected one of `name`,",
        ),
        (
            json!({"type": "resume", "run": "x", "last_event_id": "a secret"}),
            "unknown field `last_event_id`, expected one of `run`, `after`, `window`",
        ),
        (
            json!({"type": "resume", "run": "x", "after": "a secret"}),
            "`resume` doesn't fit: at `/after`, expected a place, written `epoch-seq`, as in `1-42`",
        ),
        (
            json!({"type": "input", "answers": [["approve", "a secret"]]}),
            "`input` doesn't fit: at `/answers/0`, expected an object",
        ),
        (
            json!({"type": "cancel", "run": "a secret"}),
            "`cancel` doesn't fit: unknown field `run`",
        ),
        (
            json!(["start", "hang", "a secret"]),
            "the message doesn't fit: expected an object",
        ),
    ] {
        let mut client = Client::v1(&serving).await;
        client.say(message).await;
        let (said, close) = client.rest().await;
        assert_eq!(types(&said), ["error"]);
        let message = said[0]["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(told) && !message.contains("secret"),
            "{message}"
        );
        // A close has few words.
        let close = close.unwrap();
        assert_eq!(u16::from(close.code), 4400);
        let reason = close.reason.as_str();
        assert!(message.starts_with(reason), "{reason}");
    }
    // Nothing of it has begun.
    let list = json(within(serving.get("/runs").send()).await.unwrap()).await;
    assert_eq!(list["runs"], json!([]));
}

#[tokio::test]
async fn who_begins_no_socket_is_refused_as_elsewhere() {
    let serving = Serving::start(server().echo()).await;
    for path in ["/ws", "/ws/echo"] {
        let refusal = refused(serving.get(path)).await;
        assert_eq!(refusal, (400, "no_upgrade".into()), "{path}");
    }
}

#[tokio::test]
async fn a_run_is_cancelled_by_a_message() {
    let serving = Serving::start(server()).await;
    let mut client = Client::v1(&serving).await;
    // Also right after the start, before it is under way.
    client
        .say(json!({"type": "start", "name": "endless", "input": "x"}))
        .await;
    client.say(json!({"type": "cancel"})).await;
    let (said, close) = client.rest().await;
    assert_eq!(u16::from(close.unwrap().code), 4002);
    assert_eq!(
        types(&said)[types(&said).len() - 2..],
        ["run_cancelled", "end"]
    );
}

#[tokio::test]
async fn who_leaves_takes_the_run_along_unless_it_is_detached() {
    let serving = Serving::start(server()).await;
    for (detach_by_message, detach_at_start, status) in [
        (false, false, "cancelled"),
        (true, false, "running"),
        (false, true, "running"),
    ] {
        let mut client = Client::v1(&serving).await;
        client
            .say(json!({"type": "start", "name": "endless", "input": "x", "detach": detach_at_start}))
            .await;
        let started = client.hear().await.unwrap();
        let id = started["run"].as_str().unwrap();
        if detach_by_message {
            client.say(json!({"type": "detach"})).await;
            client
                .say(json!({"type": "ping", "data": "after it"}))
                .await;
            while client.hear().await.unwrap()["type"] != "pong" {}
        }
        drop(client);
        until(&serving, id, status).await;
        if status == "running" {
            // Long enough for a run that would end with its reader.
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(self::status(&serving, id).await, "running");
        }
    }
}

#[tokio::test]
async fn a_window_holds_the_run_back_until_it_is_acknowledged() {
    let serving = Serving::start(server()).await;
    let mut client = Client::v1(&serving).await;
    let words = "word ".repeat(40);
    client
        .say(json!({"type": "start", "name": "say", "input": words, "window": 3}))
        .await;
    assert_eq!(client.hear().await.unwrap()["type"], "started");
    let mut seen = Vec::new();
    loop {
        for _ in 0..3 {
            let event = client.hear().await.unwrap();
            seen.push(event);
            if seen.last().unwrap()["type"] == "end" {
                break;
            }
        }
        if seen.last().unwrap()["type"] == "end" {
            break;
        }
        // Nothing more comes but what is asked for.
        client.say(json!({"type": "ping"})).await;
        let next = client.hear().await.unwrap();
        if next["type"] == "end" {
            seen.push(next);
            break;
        }
        assert_eq!(next["type"], "pong", "{next} after {}", seen.len());
        client
            .say(json!({"type": "ack", "seq": seen.last().unwrap()["seq"]}))
            .await;
    }
    let text: String = seen
        .iter()
        .filter_map(|it| it["data"]["text"].as_str())
        .collect();
    assert_eq!(text, words);
    // What was never sent can't be acknowledged.
    let mut client = Client::v1(&serving).await;
    client
        .say(json!({"type": "start", "name": "endless", "input": "x", "window": 3}))
        .await;
    client.hear().await.unwrap();
    client.say(json!({"type": "ack", "seq": 4000})).await;
    assert_eq!(client.closed().await, 4400);
}

#[tokio::test]
async fn a_cut_is_resumed_without_a_gap_or_a_double() {
    let serving = Serving::start(server()).await;
    let mut client = Client::v1(&serving).await;
    let words = "word ".repeat(30);
    client
        .say(json!({"type": "start", "name": "say", "input": words, "detach": true, "window": 1}))
        .await;
    let id = client.hear().await.unwrap()["run"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut seen = vec![client.hear().await.unwrap()];
    drop(client);
    while seen.last().unwrap()["type"] != "end" {
        let mut client = Client::v1(&serving).await;
        let after = place(seen.last().unwrap());
        client
            .say(json!({"type": "resume", "run": id, "after": after, "window": 10}))
            .await;
        assert_eq!(client.hear().await.unwrap()["type"], "started");
        for _ in 0..10 {
            seen.push(client.hear().await.unwrap());
            if seen.last().unwrap()["type"] == "end" {
                break;
            }
        }
    }
    let text: String = seen
        .iter()
        .filter_map(|it| it["data"]["text"].as_str())
        .collect();
    assert_eq!(text, words);
    // Who has all of it is told so at once.
    let mut client = Client::v1(&serving).await;
    let last = seen.last().unwrap()["place"].clone();
    client
        .say(json!({"type": "resume", "run": id, "after": last}))
        .await;
    let (said, close) = client.rest().await;
    assert_eq!(types(&said), ["started", "end"]);
    assert_eq!(u16::from(close.unwrap().code), 1000);
}

#[tokio::test]
async fn a_question_is_answered_on_the_same_socket() {
    let serving = Serving::start(server()).await;
    let mut client = Client::v1(&serving).await;
    client
        .say(json!({"type": "start", "name": "pay", "input": 7}))
        .await;
    let mut said = client.hear().await.unwrap();
    while said["type"] != "end" {
        said = client.hear().await.unwrap();
    }
    assert_eq!(said["outcome"], "suspended");
    let answer =
        |value: Value| json!({"type": "input", "answers": [{"id": "approve", "value": value}]});
    // What isn't an answer leaves the question open.
    client.say(answer("perhaps".into())).await;
    let error = client.hear().await.unwrap();
    assert_eq!(
        (&error["type"], &error["error"]["kind"]),
        (&json!("error"), &json!("value"))
    );
    let twice = json!({"id": "approve", "value": true});
    for answers in [
        json!([]),
        json!([twice, twice]),
        json!([{"id": "approve", "value": true, "refused": "x"}]),
    ] {
        client
            .say(json!({"type": "input", "answers": answers}))
            .await;
        let error = client.hear().await.unwrap();
        assert_eq!(error["error"]["kind"], "value", "{error}");
    }
    client.say(answer(true.into())).await;
    let (said, close) = client.rest().await;
    assert_eq!(said[0]["type"], "run_resumed");
    assert_eq!(said[said.len() - 2]["data"]["output"], "paid 7 €");
    assert_eq!(u16::from(close.unwrap().code), 1000);

    // Later, by somebody who comes back; and a question is cancelled.
    let id = serving.detached("pay", 8.into()).await;
    until(&serving, &id, "suspended").await;
    let mut client = Client::v1(&serving).await;
    client.say(json!({"type": "resume", "run": id})).await;
    while client.hear().await.unwrap()["type"] != "end" {}
    client.say(json!({"type": "cancel"})).await;
    assert_eq!(client.closed().await, 4002);
    assert_eq!(status(&serving, &id).await, "cancelled");
}

#[tokio::test]
async fn a_question_that_nobody_answers_closes_the_socket_and_waits() {
    let limits = Limits::default().idle(Duration::from_millis(200));
    let serving = Serving::start(server().limits(limits)).await;
    let mut client = Client::v1(&serving).await;
    client
        .say(json!({"type": "start", "name": "pay", "input": 7}))
        .await;
    let (said, close) = client.rest().await;
    assert_eq!(u16::from(close.unwrap().code), 4003);
    let id = said[0]["run"].as_str().unwrap();
    assert_eq!(status(&serving, id).await, "suspended");
    // Who says nothing at all isn't kept either.
    let mut client = Client::v1(&serving).await;
    assert_eq!(client.closed().await, 4400);
}

#[tokio::test]
async fn bytes_are_binary_messages() {
    async fn draw(ctx: mainstem::RunContext, _: String) -> mainstem::StepResult<String> {
        ctx.emit(mainstem::Bytes::new(vec![0_u8, 255, 10].into()))
            .await;
        Ok("drawn".to_owned())
    }
    let flow = mainstem::Flow::new("draw").step("pen", draw);
    let serving = Serving::start(server().flow(flow)).await;
    let mut client = Client::v1(&serving).await;
    client
        .say(json!({"type": "start", "name": "draw", "input": "x"}))
        .await;
    let message = within(async {
        loop {
            if let Message::Binary(bytes) = client.0.next().await.unwrap().unwrap() {
                return bytes;
            }
        }
    })
    .await;
    let message = BinaryMessage::parse(message).unwrap();
    assert_eq!(message.data, vec![0, 255, 10]);
    assert_eq!(message.path.as_str(), "draw/pen");
}

#[tokio::test]
async fn plain_pieces_are_said_until_complete_message_after_message() {
    let serving = Serving::start(server()).await;
    let chunks = [("protocol", CHUNKS_SUBPROTOCOL)];
    let mut client = Client::connect(&serving, "/ws?run=say", &chunks).await;
    for input in ["one two", "three"] {
        client.0.send(Message::text(input)).await.unwrap();
        let mut text = String::new();
        loop {
            match client.hear().await.unwrap().as_str().unwrap() {
                "[COMPLETE]" => break,
                piece => text += piece,
            }
        }
        assert_eq!(text, input);
    }
    let mut client = Client::connect(&serving, "/ws?run=broken", &chunks).await;
    client.0.send(Message::text("x")).await.unwrap();
    let (said, close) = client.rest().await;
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(u16::from(close.unwrap().code), 4001);
    let mut client = Client::connect(&serving, "/ws?run=nothing", &chunks).await;
    client.0.send(Message::text("x")).await.unwrap();
    assert_eq!(client.closed().await, 4404);
    let refused = Client::try_connect(&serving, "/ws", &chunks)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, Error::Http(answer) if answer.status() == StatusCode::BAD_REQUEST));
}

#[tokio::test]
async fn a_socket_is_hijacked_by_no_page_and_opened_by_nobody_unknown() {
    let guarded = || {
        server().credentials(async |credentials| {
            Ok(match credentials.bearer() {
                Some("ada-token") => Some(Principal::new("ada")),
                Some("bob-token") => Some(Principal::new("bob")),
                _ => None,
            })
        })
    };
    let serving = Serving::start(guarded()).await;
    let status = async |headers: &[(&str, &str)]| match Client::try_connect(
        &serving, "/ws", headers,
    )
    .await
    {
        Ok(_) => 101,
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(other) => panic!("{other}"),
    };
    let cookie = ("cookie", "mainstem=ada-token");
    let own = format!("http://{}", serving.address);
    assert_eq!(status(&[cookie, ("origin", &own)]).await, 101);
    assert_eq!(status(&[("authorization", "Bearer ada-token")]).await, 101);
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost:1",
        "https://127.0.0.1",
    ] {
        assert_eq!(status(&[cookie, ("origin", origin)]).await, 403, "{origin}");
    }
    assert_eq!(status(&[]).await, 401);
    assert_eq!(status(&[("authorization", "Bearer nobody")]).await, 401);

    // And another one's run isn't there.
    let ada = [("authorization", "Bearer ada-token")];
    let mut client = Client::connect(&serving, "/ws", &ada).await;
    client
        .say(json!({"type": "start", "name": "endless", "input": "x", "detach": true}))
        .await;
    let id = client.hear().await.unwrap()["run"].clone();
    let bob = [("authorization", "Bearer bob-token")];
    for run in [id, "nothing".into()] {
        let mut client = Client::connect(&serving, "/ws", &bob).await;
        client.say(json!({"type": "resume", "run": run})).await;
        let (said, close) = client.rest().await;
        assert_eq!(
            said[0]["error"]["message"],
            "there is no run of this id that you may see"
        );
        assert_eq!(u16::from(close.unwrap().code), 4404);
    }
}

#[tokio::test]
async fn a_shutdown_closes_sockets_with_what_became_of_their_runs() {
    let limits = Limits::default().shutdown(Duration::from_millis(200));
    let serving = Serving::start(server().limits(limits)).await;
    let mut idle = Client::v1(&serving).await;
    let mut busy = Client::v1(&serving).await;
    busy.say(json!({"type": "start", "name": "endless", "input": "x"}))
        .await;
    assert_eq!(busy.hear().await.unwrap()["type"], "started");
    let (_, idle, busy) = tokio::join!(serving.shut_down(), idle.closed(), busy.closed());
    assert_eq!((idle, busy), (1001, 4002));
}

#[tokio::test]
async fn a_socket_that_was_told_as_much_as_it_may_be_is_resumed_on_another() {
    let limits = Limits::default().output(2000);
    let serving = Serving::start(server().limits(limits)).await;
    let words = "word ".repeat(40);
    let mut client = Client::v1(&serving).await;
    client
        .say(json!({"type": "start", "name": "say", "input": words, "detach": true}))
        .await;
    let (mut said, mut close) = client.rest().await;
    let id = said.remove(0)["run"].clone();
    let mut sockets = 1;
    while u16::from(close.unwrap().code) == 4004 {
        let mut client = Client::v1(&serving).await;
        let after = place(said.last().unwrap());
        client
            .say(json!({"type": "resume", "run": id, "after": after}))
            .await;
        let (more, next) = client.rest().await;
        said.extend(more.into_iter().skip(1));
        (close, sockets) = (next, sockets + 1);
    }
    assert!(sockets > 2, "{sockets}");
    let text = said.iter().filter_map(|it| it["data"]["text"].as_str());
    assert_eq!(text.collect::<String>(), words);
}
