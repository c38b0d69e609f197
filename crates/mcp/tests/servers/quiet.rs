//! What is said to a server, and by it, stands in no log.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use mainstem_mcp::LogLevel;
use serde_json::json;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    odd::Odd,
    support::{Everything, call, within},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The tasks of the connections are on the thread of the test, and so see its subscriber.
#[tokio::test(flavor = "current_thread")]
async fn what_is_said_isnt_logged_at_info() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let odd = Odd::new();
    let client = within(odd.server("").show_logs(LogLevel::Debug).connect()).await;
    let client = client.unwrap();
    let tools = within(client.tools()).await.unwrap();
    let secret = json!({"text": "word-of-mine", "count": 2, "bird": "word-of-mine"});
    for name in [
        "answer", "fail", "refuse", "nonsense", "flood", "log", "change", "ask", "die",
    ] {
        call(&tools, name, secret.clone()).await;
    }
    within(client.close()).await;

    let server = Everything::start().await;
    let client = within(server.server().bearer("word-of-mine").connect())
        .await
        .unwrap();
    let tools = within(client.tools()).await.unwrap();
    let called = call(&tools, "echo", json!({"message": "word-of-mine"})).await;
    assert_eq!(called.told, "Echo: word-of-mine");
    drop(server);
    call(&tools, "echo", json!({"message": "word-of-mine"})).await;
    within(client.close()).await;

    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("rmcp"), "{log}");
    for word in ["word-of-mine", r#"bird""#, "half", "flooded"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}
