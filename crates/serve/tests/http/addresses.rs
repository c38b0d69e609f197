//! How many runs one client may have, where nobody is asked who they are: it is told by its address.

use mainstem_serve::{Principal, Server, SessionLimits};
use reqwest::Client;
use serde_json::json;

use crate::support::{Serving, json as read, server, within};

/// Each client may have one run.
fn one_each() -> Server {
    let limits = SessionLimits::new().runs_per_owner(1);
    server().sessions(|sessions| sessions.limits(limits))
}

/// A client at another address of this machine.
fn at(address: &str) -> Client {
    let builder = Client::builder().tls_certs_only([]).no_proxy();
    let address: std::net::IpAddr = address.parse().unwrap();
    builder.local_address(address).build().unwrap()
}

/// Starts a run that stays under way, and gives the answer's status and its code or the run's id.
async fn start(serving: &Serving, client: &Client, headers: &[(&str, &str)]) -> (u16, String) {
    let body = json!({"run": "hang", "input": "x", "detach": true}).to_string();
    let mut request = client.post(serving.url("/runs")).body(body);
    for (name, value) in [("content-type", "application/json")].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    let answer = within(request.send()).await.unwrap();
    let status = answer.status().as_u16();
    let body = read(answer).await;
    let told = body["error"]["code"].as_str().or(body["id"].as_str());
    (status, told.unwrap().to_owned())
}

const TOO_MANY: &str = "too_many_runs_of_owner";

#[tokio::test]
async fn one_client_can_t_use_up_what_others_may_have() {
    let (jay, robin) = (at("127.0.0.2"), at("127.0.0.3"));
    for serving in [
        Serving::start(one_each()).await,
        Serving::embedded(one_each(), true),
    ] {
        let (status, first) = start(&serving, &jay, &[]).await;
        assert_eq!(status, 202);
        // What it says of its address is nothing: it isn't a proxy.
        for name in [
            "x-forwarded-for",
            "x-real-ip",
            "forwarded",
            "via",
            "client-ip",
        ] {
            let (status, code) = start(&serving, &jay, &[(name, "203.0.113.7")]).await;
            assert_eq!((status, &*code), (429, TOO_MANY), "{name}");
        }
        assert_eq!(start(&serving, &robin, &[]).await.0, 202);
        let cancel = jay.delete(serving.url(&format!("/runs/{first}")));
        assert_eq!(within(cancel.send()).await.unwrap().status(), 200);
        assert_eq!(start(&serving, &jay, &[]).await.0, 202);
        serving.shut_down().await;
    }
}

#[tokio::test]
async fn who_can_t_be_told_apart_is_one() {
    let serving = Serving::embedded(one_each(), false);
    assert_eq!(start(&serving, &at("127.0.0.2"), &[]).await.0, 202);
    assert_eq!(start(&serving, &at("127.0.0.3"), &[]).await.0, 429);
    serving.shut_down().await;
}

#[tokio::test]
async fn a_principal_is_one_wherever_it_is() {
    let token = one_each().token("a-token", Principal::new("ada"));
    let serving = Serving::start(token).await;
    let ada = ("authorization", "Bearer a-token");
    assert_eq!(start(&serving, &at("127.0.0.2"), &[ada]).await.0, 202);
    assert_eq!(start(&serving, &at("127.0.0.3"), &[ada]).await.0, 429);
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_a_request_is() {
    let server = one_each().trust_proxy("127.0.0.2", "x-forwarded-for");
    let serving = Serving::start(server).await;
    let (proxy, other) = (at("127.0.0.2"), at("127.0.0.3"));
    let by = |said: &'static str| [("x-forwarded-for", said)];
    assert_eq!(start(&serving, &proxy, &by("203.0.113.7")).await.0, 202);
    assert_eq!(start(&serving, &proxy, &by("203.0.113.8")).await.0, 202);
    for spoofed in [
        "203.0.113.7",
        // The client said the first one; the proxy added the last.
        "198.51.100.1, 203.0.113.7",
        "127.0.0.2, 203.0.113.7",
        "127.0.0.3,\t203.0.113.7",
        "\"203.0.113.9\", 203.0.113.7:80",
    ] {
        let (status, code) = start(&serving, &proxy, &by(spoofed)).await;
        assert_eq!((status, &*code), (429, TOO_MANY), "{spoofed}");
    }
    // An address of IPv6 is cheap: its network counts.
    assert_eq!(start(&serving, &proxy, &by("2001:db8::1")).await.0, 202);
    assert_eq!(start(&serving, &proxy, &by("2001:db8::2")).await.0, 429);
    assert_eq!(start(&serving, &proxy, &by("2001:db8:0:1::1")).await.0, 202);
    // Who isn't that proxy can't say so.
    assert_eq!(start(&serving, &other, &by("203.0.113.10")).await.0, 202);
    assert_eq!(start(&serving, &other, &by("203.0.113.11")).await.0, 429);
}

#[tokio::test]
async fn answers_count_for_whoever_gives_them() {
    let serving = Serving::start(one_each()).await;
    let (jay, robin) = (at("127.0.0.2"), at("127.0.0.3"));
    let asked = serving.detached("pay", 7.into()).await;
    let until_it_asks = serving.get(&format!("/runs/{asked}/events")).send();
    within(within(until_it_asks).await.unwrap().text())
        .await
        .unwrap();
    // Robin has a run already; jay hasn't.
    assert_eq!(start(&serving, &robin, &[]).await.0, 202);
    let answer = async |client: &Client| {
        let body = json!({"answers": [{"id": "approve", "value": true}]}).to_string();
        let request = client.post(serving.url(&format!("/runs/{asked}/input")));
        let request = request
            .header("content-type", "application/json")
            .body(body);
        within(request.send()).await.unwrap().status().as_u16()
    };
    assert_eq!(answer(&robin).await, 429);
    assert_eq!(answer(&jay).await, 202);
}
