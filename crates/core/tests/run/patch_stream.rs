//! The output of a run for a client: `patches`.

use futures::StreamExt;
use mainstem_core::{Retracted, Run, RunContext};
use serde_json::Value;

use crate::common::{broken, write};

fn twice(fails: bool) -> Run<Value> {
    Run::new("twice", move |ctx: RunContext| async move {
        let since = ctx.next_place();
        write(&ctx, &[r#"{"name": "cr"#, "ow", r#"", "eggs": 1"#]).await;
        ctx.emit(Retracted::new(since, "again")).await;
        write(&ctx, &[r#"{"name": "jay"}"#]).await;
        match fails {
            true => Err(broken()),
            false => Ok(Value::Null),
        }
    })
}

#[tokio::test]
async fn each_piece_is_sent_as_patches() {
    let mut stream = twice(false).stream().patches();
    let mut sent = Vec::new();
    while let Some(patches) = stream.next_patches().await.unwrap() {
        sent.push(serde_json::to_string(&patches).unwrap());
    }
    let expected = [
        r#"[{"path":"","value":{}},{"path":"/name","value":"cr"}]"#,
        r#"[{"path":"/name","append":"ow"}]"#,
        r#"[{"path":"/name","done":true}]"#,
        r#"[{"path":"","value":null}]"#,
        r#"[{"path":"","value":{"name":"jay"},"done":true}]"#,
    ];
    assert_eq!(sent, expected);
    assert_eq!(stream.await.unwrap().output, Value::Null);
}

#[tokio::test]
async fn a_failure_is_the_last_item() {
    let mut stream = twice(true).stream().patches();
    let mut document = Value::Null;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(patches) => {
                for patch in patches {
                    patch.apply(&mut document).unwrap();
                }
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.status(), Some(503));
    assert_eq!(document, serde_json::json!({"name": "jay"}));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn one_step_can_be_chosen() {
    let run = Run::new("flow", |ctx: RunContext| async move {
        for (name, piece) in [("a", "[1]"), ("b", "[2]"), ("c", r#"["x"]"#)] {
            ctx.step(name, "function", |ctx: RunContext| async move {
                write(&ctx, &[piece]).await;
                Ok(())
            })
            .await?;
        }
        Ok(())
    });
    let mut stream = run.stream().patches().of_step::<Vec<u8>>("b");
    let patches = stream.next_patches().await.unwrap().unwrap();
    assert_eq!(patches[0].value, Some(serde_json::json!([2])));
    assert!(stream.next_patches().await.unwrap().is_none());
}
