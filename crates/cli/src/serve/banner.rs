//! What is printed before the server serves.

use std::{fmt::Write as _, net::SocketAddr};

/// What is served: name, what it does, and an input to try.
const SERVED: [(&str, &str, &str); 6] = [
    (
        "assistant",
        "answers a question",
        r#""How do I stop a run?""#,
    ),
    (
        "guide",
        "a question is analyzed, answered, and the answer set",
        r#""What is an event?""#,
    ),
    (
        "article",
        "an article on a topic, as JSON of a type",
        r#""jays""#,
    ),
    (
        "research",
        "looks up what is asked about, three words at once, and sums up",
        r#""What are events, stores and limits?""#,
    ),
    (
        "approval",
        "asks a person before it does what it was told",
        r#""Pay 7 €""#,
    ),
    (
        "echo",
        "no model: its input in chunks, with delays and faults on demand",
        r#"{"text": "a jay", "chunk": 2, "delay_ms": 200}"#,
    ),
];

/// Where the server is and what it serves, with lines to try.
pub(super) fn banner(address: SocketAddr, has_token: bool) -> String {
    let url = url(address);
    let mut text = format!("Serving on {url}\nOpen {url}/ for the runs.\n\n");
    for (name, about, _) in SERVED {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "  {name:9}  {about}");
    }
    let token = if has_token {
        r#" -H "authorization: Bearer $MAINSTEM_TOKEN""#
    } else {
        ""
    };
    let curl = format!("curl -N{token} {url}");
    let body = |name: &str, more: &str| {
        let input = SERVED.iter().find(|served| served.0 == name);
        let input = input.map_or("null", |served| served.2);
        format!(r#"--json '{{"run": "{name}", "input": {input}{more}}}'"#)
    };
    let assistant = body("assistant", r#", "wire": "text""#);
    let research = body("research", r#", "wire": "sse""#);
    let approval = body("approval", r#", "detach": true"#);
    let _ = write!(
        text,
        "\nTry:\n\n  {curl}/runs {assistant}\n  {curl}/runs {research}\n  {curl}/runs {approval}\n\n\
         and with the id that the last one gives:\n\n  \
         {curl}/runs/ID/input --json '{{\"answers\": [{{\"id\": \"approve\", \"value\": true}}]}}'\n  \
         {curl}/runs/ID/events\n\nCtrl-C shuts down. More is in docs/serving.md.\n"
    );
    text
}

/// Where a client on this machine finds it.
fn url(address: SocketAddr) -> String {
    let port = address.port();
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("http://127.0.0.1:{port}"),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("http://[::1]:{port}"),
        _ => format!("http://{address}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn each_line_to_try_is_a_request() {
        let text = banner(([127, 0, 0, 1], 8080).into(), false);
        let bodies: Vec<Value> = text
            .lines()
            .filter_map(|line| line.split_once("--json '")?.1.strip_suffix('\''))
            .map(|body| serde_json::from_str(body).unwrap())
            .collect();
        assert_eq!(bodies.len(), 4, "{text}");
        assert_eq!(bodies[0]["run"], "assistant");
        assert!(!text.contains("authorization"));
        let opens = text
            .lines()
            .any(|line| line == "Open http://127.0.0.1:8080/ for the runs.");
        assert!(opens, "{text}");
        assert!(banner(([127, 0, 0, 1], 8080).into(), true).contains("Bearer $MAINSTEM_TOKEN"));
    }

    #[test]
    fn inputs_to_try_are_json() {
        for (name, _, input) in SERVED {
            assert!(serde_json::from_str::<Value>(input).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_address_that_is_all_is_shown_as_one_to_go_to() {
        assert_eq!(url(([0, 0, 0, 0], 80).into()), "http://127.0.0.1:80");
        assert_eq!(url(([10, 0, 0, 1], 80).into()), "http://10.0.0.1:80");
    }
}
