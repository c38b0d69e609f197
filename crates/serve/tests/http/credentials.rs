//! Who may do what: tokens, cookies, owners, rights.

use mainstem::{Error, ErrorKind};
use mainstem_serve::{Principal, Right, Server};
use serde_json::{Value, json};

use crate::support::{Serving, json, refused, server, within};

/// Ada and Bob by token; `down` is a token that can't be checked.
fn guarded() -> Server {
    server().credentials(async |credentials| {
        let principal = match credentials.bearer() {
            Some("ada-token") => Some(Principal::new("ada")),
            Some("bob-token") => Some(Principal::new("bob").allow(Right::List)),
            Some("root-token") => {
                let root = Principal::new("root");
                Some(root.allow(Right::Operate).allow(Right::Metrics))
            }
            Some("down") => {
                return Err(Error::new(ErrorKind::Store, "the secret database is down"));
            }
            _ => None,
        };
        Ok(principal)
    })
}

async fn start_as(serving: &Serving, token: &str) -> String {
    let body = json!({"run": "endless", "input": "x", "detach": true});
    let request = serving.post("/runs", body).bearer_auth(token);
    let answer = json(within(request.send()).await.unwrap()).await;
    answer["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_but_health_is_open_where_somebody_is_asked() {
    let serving = Serving::start(guarded()).await;
    assert_eq!(serving.get("/health").send().await.unwrap().status(), 200);
    let start = json!({"run": "shout", "input": "x"});
    for request in [
        serving.post("/runs", &start),
        serving.get("/runs"),
        serving.get("/runs/x"),
        serving.get("/runs/x/events"),
        serving.get("/runs/x/output"),
        serving.get("/runs/x/progress"),
        serving.post("/runs/x/input", json!({"answers": []})),
        serving.delete("/runs/x"),
        serving.get("/metrics"),
        serving.get("/ws"),
        serving.post("/session", ""),
    ] {
        let path = request.try_clone().unwrap().build().unwrap();
        let answer = within(request.send()).await.unwrap();
        assert_eq!(answer.status(), 401, "{}", path.url());
        let realm = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(realm.starts_with("Bearer"), "{realm}");
    }
    for token in ["ada-toke", "ada-token2", "Ada-token", "x"] {
        let request = serving.post("/runs", &start).bearer_auth(token);
        assert_eq!(
            refused(request).await,
            (401, "unauthorized".into()),
            "{token}"
        );
    }
    let (status, code) = refused(serving.post("/runs", &start).bearer_auth("down")).await;
    assert_eq!((status, &*code), (503, "credentials_unavailable"));
    let basic = serving
        .post("/runs", &start)
        .basic_auth("ada-token", Some("ada-token"));
    assert_eq!(refused(basic).await.0, 401);
    let answer = serving
        .post("/runs", &start)
        .bearer_auth("ada-token")
        .send();
    assert_eq!(within(answer).await.unwrap().status(), 200);
}

#[tokio::test]
async fn one_token_can_be_all_there_is() {
    let serving = Serving::start(server().token("s3cret", Principal::new("me"))).await;
    let get = |token: &str| serving.get("/runs/x").bearer_auth(token);
    assert_eq!(refused(get("s3cret")).await.0, 404);
    assert_eq!(refused(get("s3creT")).await.0, 401);
    // An empty one is nobody's, rather than everybody's.
    let serving = Serving::start(server().token("", Principal::new("me"))).await;
    assert_eq!(refused(serving.get("/runs/x").bearer_auth("")).await.0, 401);
    assert_eq!(refused(serving.get("/runs/x")).await.0, 401);
}

#[tokio::test]
async fn a_run_is_there_for_its_owner_alone() {
    let serving = Serving::start(guarded()).await;
    let id = start_as(&serving, "ada-token").await;
    let run = format!("/runs/{id}");
    let not_there = refused(serving.get("/runs/nothing").bearer_auth("bob-token")).await;
    for request in [
        serving.get(&run),
        serving.get(&format!("{run}/events")),
        serving.get(&format!("{run}/output")),
        serving.get(&format!("{run}/progress")),
        serving.post(&format!("{run}/input"), json!({"answers": []})),
        serving.delete(&run),
    ] {
        let as_bob = refused(request.bearer_auth("bob-token")).await;
        assert_eq!(as_bob, not_there);
    }
    for token in ["ada-token", "root-token"] {
        let answer = serving.get(&run).bearer_auth(token).send();
        let state = json(within(answer).await.unwrap()).await;
        assert_eq!(state["status"], "running", "{token}");
    }
    let cancel = serving.delete(&run).bearer_auth("ada-token").send();
    assert_eq!(within(cancel).await.unwrap().status(), 200);
}

async fn listed(serving: &Serving, token: &str) -> Vec<Value> {
    let answer = serving.get("/runs").bearer_auth(token).send();
    let list = json(within(answer).await.unwrap()).await;
    list["runs"].as_array().unwrap().clone()
}

#[tokio::test]
async fn lists_and_metrics_are_closed_unless_opened() {
    let serving = Serving::start(guarded()).await;
    let ada = start_as(&serving, "ada-token").await;
    let bob = start_as(&serving, "bob-token").await;
    for path in ["/runs", "/metrics"] {
        let as_ada = refused(serving.get(path).bearer_auth("ada-token")).await;
        assert_eq!(as_ada, (403, "no_right".into()), "{path}");
        let answer = serving.get(path).bearer_auth("ada-token").send();
        let told = json(within(answer).await.unwrap()).await.to_string();
        let option = match path {
            "/runs" => "`--open-lists`",
            _ => "`--open-metrics`",
        };
        assert!(told.contains(option), "{told}");
    }
    let of_bob = listed(&serving, "bob-token").await;
    assert_eq!(of_bob.len(), 1);
    assert_eq!(of_bob[0]["id"], *bob);
    let of_all: Vec<_> = listed(&serving, "root-token").await;
    let ids: Vec<_> = of_all
        .iter()
        .map(|run| run["id"].as_str().unwrap())
        .collect();
    assert!(ids.len() == 2 && ids.contains(&&*ada) && ids.contains(&&*bob));
    let metrics = serving.get("/metrics").bearer_auth("root-token").send();
    let metrics = within(metrics).await.unwrap();
    let kind = metrics.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let metrics = metrics.text().await.unwrap();
    for line in [
        r#"mainstem_runs_started_total{run="endless"} 2"#,
        r#"mainstem_http_refused_total{code="no_right"} 4"#,
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    // Where nobody is asked, it is closed as well, and opened for all.
    let serving = Serving::start(server()).await;
    assert_eq!(refused(serving.get("/runs")).await.0, 403);
    assert_eq!(refused(serving.get("/metrics")).await.0, 403);
    let open = server().allow(Right::List).allow(Right::Metrics);
    let serving = Serving::start(open).await;
    assert_eq!(serving.get("/runs").send().await.unwrap().status(), 200);
    assert_eq!(serving.get("/metrics").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_page_gets_a_cookie_for_its_token() {
    let serving = Serving::start(guarded()).await;
    let id = start_as(&serving, "ada-token").await;
    let answer = serving.post("/session", "").bearer_auth("ada-token").send();
    let answer = within(answer).await.unwrap();
    assert_eq!(answer.status(), 204);
    let set = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(part), "{part} in {set}");
    }
    // On this machine's own names there is no TLS.
    assert!(!set.contains("Secure"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    let read = serving
        .get(&format!("/runs/{id}"))
        .header("cookie", &cookie);
    assert_eq!(within(read.send()).await.unwrap().status(), 200);
    // Another site's page brings the cookie in vain.
    let cancel = serving
        .delete(&format!("/runs/{id}"))
        .header("cookie", &cookie);
    let refusal = refused(cancel.header("origin", "http://evil.example")).await;
    assert_eq!(refusal, (403, "origin_refused".into()));
    let end = serving.delete("/session").header("cookie", &cookie).send();
    let end = within(end).await.unwrap();
    assert!(
        end.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(
        refused(serving.post("/session", "").bearer_auth("nobody"))
            .await
            .0,
        401
    );

    let elsewhere = Serving::start(guarded().host("api.example.org")).await;
    let answer = elsewhere.post("/session", "").bearer_auth("ada-token");
    let answer = within(answer.header("host", "api.example.org").send())
        .await
        .unwrap();
    assert!(
        answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Secure")
    );
}

#[tokio::test]
async fn other_machines_arent_served_unguarded_by_accident() {
    let everywhere = || async { tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap() };
    let now = || std::future::ready(());
    let error = server().serve(everywhere().await, now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("Server::open_to_all"), "{error}");
    assert!(server().listen("0.0.0.0:0").await.is_err());
    for guarded in [
        guarded(),
        server().open_to_all(),
        server().token("t", Principal::new("me")),
    ] {
        guarded.serve(everywhere().await, now()).await.unwrap();
    }
}

#[test]
fn a_servers_debug_has_no_secret() {
    let server = server().token("s3cret", Principal::new("me"));
    assert!(!format!("{server:?}").contains("s3cret"));
}
