//! The output of a run while it grows: `partials`.

use mainstem_core::{ErrorKind, PartialView, Result, Retracted, Run, RunContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::common::{broken, say, write};

#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
struct Bird {
    name: String,
    eggs: u32,
}

fn jay() -> Bird {
    Bird {
        name: "jay".to_owned(),
        eggs: 12,
    }
}

/// What is seen: the attempt, and what there is.
async fn seen<T, P: JsonSchema>(view: &mut PartialView<T, P>) -> Vec<(u32, Value)> {
    let mut seen = Vec::new();
    while let Some(partial) = view.next().await.unwrap() {
        seen.push((partial.attempt(), partial.to_value()));
    }
    seen
}

#[tokio::test]
async fn the_output_is_seen_while_it_grows() {
    let run = Run::new("bird", |ctx: RunContext| async move {
        say(ctx.clone(), &["{not JSON"]).await?;
        write(
            &ctx,
            &[r#"{"na"#, r#"me": "ja"#, "", r#"y", "eggs": 1"#, "2}", "\n"],
        )
        .await;
        Ok(jay())
    });
    let mut view = run.stream().partials();
    let expected = [
        (1, json!({})),
        (1, json!({"name": "ja"})),
        (1, json!({"name": "jay"})),
        (1, json!({"name": "jay", "eggs": 12})),
        (1, json!({"name": "jay", "eggs": 12})),
    ];
    assert_eq!(seen(&mut view).await, expected);
    assert!(view.next().await.unwrap().is_none());
    assert_eq!(view.await.unwrap().output, jay());
}

#[tokio::test]
async fn awaiting_it_needs_no_look() {
    let run = Run::new("bird", |ctx: RunContext| async move {
        write(&ctx, &[r#"{"name": "ja"#]).await;
        Ok(jay())
    });
    let mut view = run.stream().partials();
    assert_eq!(
        view.next().await.unwrap().unwrap().get("name").text(),
        Some("ja")
    );
    assert_eq!(view.await.unwrap().output, jay());
}

#[tokio::test]
async fn a_retraction_makes_everything_absent_at_once() {
    let run = Run::new("bird", |ctx: RunContext| async move {
        let since = ctx.next_place();
        write(&ctx, &[r#"{"name": "cr"#, "ow"]).await;
        ctx.emit(Retracted::new(since, "again")).await;
        write(&ctx, &[r#"{"name": "jay"#]).await;
        Ok(jay())
    });
    let expected = [
        (1, json!({"name": "cr"})),
        (1, json!({"name": "crow"})),
        (2, Value::Null),
        (2, json!({"name": "jay"})),
    ];
    assert_eq!(seen(&mut run.stream().partials()).await, expected);
}

#[tokio::test]
async fn the_failure_comes_after_what_was_seen_and_stays() {
    let run: Run<Bird> = Run::new("bird", |ctx: RunContext| async move {
        write(&ctx, &[r#"{"name": "ja"#]).await;
        Err(broken())
    });
    let mut view = run.stream().partials();
    let snapshot = view.next().await.unwrap().unwrap().snapshot();
    for _ in 0..2 {
        assert_eq!(view.next().await.unwrap_err().status(), Some(503));
    }
    assert_eq!(snapshot.partial().get("name").text(), Some("ja"));
    assert_eq!(view.await.unwrap_err().status(), Some(503));
}

#[tokio::test]
async fn a_number_alone_is_seen_when_its_step_has_finished() {
    let run = Run::new("count", |ctx: RunContext| async move {
        let count = |ctx: RunContext| async move {
            write(&ctx, &["12", "9"]).await;
            Ok(129)
        };
        ctx.step("count", "function", count).await
    });
    let mut view = run.stream().partials();
    let expected = [(1, Value::Null), (1, Value::Null), (1, json!(129))];
    assert_eq!(seen(&mut view).await, expected);
    assert_eq!(view.await.unwrap().output, 129);
}

/// A classifier, then a writer; each writes JSON.
fn flow() -> Run<Bird> {
    Run::new("flow", |ctx: RunContext| async move {
        let classify = |ctx: RunContext| async move {
            write(&ctx, &[r#"{"wanted": "#, "true}"]).await;
            Ok(true)
        };
        ctx.step("classify", "agent", classify).await?;
        let describe = |ctx: RunContext| async move {
            write(&ctx, &[r#"{"name": "ja"#, r#"y", "eggs": 12}"#]).await;
            Ok(jay())
        };
        ctx.step("describe", "agent", describe).await
    })
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
struct Verdict {
    wanted: bool,
}

#[tokio::test]
async fn in_a_flow_the_last_document_is_seen_if_it_fits() {
    // The verdict is no bird, as its end tells.
    let expected = [
        (1, json!({})),
        (2, Value::Null),
        (2, json!({"name": "ja"})),
        (2, json!({"name": "jay", "eggs": 12})),
    ];
    assert_eq!(seen(&mut flow().stream().partials()).await, expected);
}

#[tokio::test]
async fn one_step_can_be_chosen() {
    let mut view = flow().stream().partials().of_step::<Verdict>("classify");
    let mut last = None;
    while let Some(verdict) = view.next().await.unwrap() {
        last = verdict.read();
    }
    assert_eq!(last, Some(Verdict { wanted: true }));
    assert_eq!(view.await.unwrap().output, jay());

    let mut view = flow().stream().partials().of_step::<Verdict>("describe");
    assert!(view.next().await.unwrap().is_some());
    let error = view.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert!(error.to_string().contains("step `describe`"), "{error}");
    assert!(view.next().await.unwrap().is_none());

    let mut view = flow().stream().partials().of_step::<Verdict>("other");
    assert!(view.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_view_is_sent_between_threads() -> Result<()> {
    let mut view = flow().stream().partials();
    let task = tokio::spawn(async move {
        let mut count = 0;
        while view.next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    });
    let count: Result<i32> = task.await.unwrap();
    assert_eq!(count?, 4);
    Ok(())
}
