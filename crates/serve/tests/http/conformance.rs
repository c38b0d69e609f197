//! The Autobahn suite against the echo: only where it is asked for, since it needs a Python that is long
//! gone (`python2.7 -m pip install autobahntestsuite==0.8.2` gives `wstest`). Then:
//! `MAINSTEM_WSTEST=/path/to/wstest cargo nextest run -p mainstem-serve --ignore-default-filter
//! the_echo_conforms`.

use std::{path::Path, process::Command};

use mainstem_serve::{Limits, Server};
use serde_json::{Value, json};

use crate::support::Serving;

/// The command that is Autobahn's `wstest`.
const WSTEST: &str = "MAINSTEM_WSTEST";

#[tokio::test]
async fn the_echo_conforms() {
    let wstest = std::env::var(WSTEST).expect("MAINSTEM_WSTEST says where `wstest` is");
    let limits = Limits::default().body(64 << 20);
    let serving = Serving::start(Server::new().limits(limits).echo()).await;
    let folder = tempfile::tempdir().unwrap();
    let spec = json!({
        "outdir": folder.path().join("reports"),
        "servers": [{
            "agent": "mainstem",
            "url": format!("ws://{}/ws/echo", serving.address),
        }],
        "cases": ["*"],
        // Compression of messages, which isn't offered.
        "exclude-cases": ["12.*", "13.*"],
    });
    let at = folder.path().join("spec.json");
    std::fs::write(&at, spec.to_string()).unwrap();
    let ran = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(wstest);
        command.args(["-m", "fuzzingclient", "-s"]).arg(at);
        command.output().unwrap()
    });
    let ran = ran.await.unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}");
    let cases = results(&folder.path().join("reports/index.json"));
    assert!(cases.len() > 2 * 240, "{} results", cases.len());
    let bad: Vec<_> = cases
        .iter()
        .filter(|(_, behaviour)| !matches!(&**behaviour, "OK" | "NON-STRICT" | "INFORMATIONAL"))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// How each case went, and its close with it.
fn results(index: &Path) -> Vec<(String, String)> {
    let index = std::fs::read_to_string(index).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let cases = index["mainstem"].as_object().unwrap();
    let mut results = Vec::new();
    for (name, case) in cases {
        for said in ["behavior", "behaviorClose"] {
            let behaviour = case[said].as_str().unwrap().to_owned();
            results.push((format!("{name} {said}"), behaviour));
        }
    }
    results
}
