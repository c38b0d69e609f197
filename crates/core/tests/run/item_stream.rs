//! The items of an array in the output of a run: `items`.

use futures::StreamExt;
use mainstem_core::{ErrorKind, Retracted, Run, RunContext};

use crate::common::{Dropped, broken, write};

fn list(pieces: &'static [&'static str]) -> Run<()> {
    Run::new("list", move |ctx: RunContext| async move {
        write(&ctx, pieces).await;
        Ok(())
    })
}

#[tokio::test]
async fn an_item_is_given_while_the_rest_still_streams() {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let run = Run::new("list", move |ctx: RunContext| async move {
        let _guard = guard;
        write(&ctx, &[r#"{"list": [1, 2"#, "3, 4", "]}"]).await;
        Ok("done")
    });
    let mut items = run.stream().items::<u32>("/list");
    assert_eq!(items.next_item().await.unwrap(), Some(1));
    assert_eq!(items.next_item().await.unwrap(), Some(23));
    assert!(!dropped.is(), "the run goes on");
    assert_eq!(items.next_item().await.unwrap(), Some(4));
    assert_eq!(items.next_item().await.unwrap(), None);
    assert_eq!(items.await.unwrap().output, "done");
}

/// Says a list, takes it back, and says another one.
fn retracting(first: &'static [&'static str]) -> Run<()> {
    Run::new("list", move |ctx: RunContext| async move {
        let since = ctx.next_place();
        write(&ctx, first).await;
        ctx.emit(Retracted::new(since, "again")).await;
        write(&ctx, &["[7, ", "8]"]).await;
        Ok(())
    })
}

#[tokio::test]
async fn items_that_were_given_can_not_be_taken_back() {
    let mut items = retracting(&["[1, 2", ", 3"]).stream().items::<u32>("");
    assert_eq!(items.next_item().await.unwrap(), Some(1));
    assert_eq!(items.next_item().await.unwrap(), Some(2));
    for _ in 0..2 {
        let error = items.next_item().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Retracted);
    }
    assert_eq!(items.await.unwrap_err().kind(), ErrorKind::Retracted);
}

#[tokio::test]
async fn what_was_not_given_may_be_taken_back() {
    let items = retracting(&["[1", "2"]).stream().items::<u32>("");
    let all: Vec<_> = items.map(Result::unwrap).collect().await;
    assert_eq!(all, [7, 8]);
}

#[tokio::test]
async fn an_item_of_another_type_is_an_error_that_names_it() {
    let mut items = list(&[r#"[1, "secret", 3]"#]).stream().items::<u32>("");
    assert_eq!(items.next_item().await.unwrap(), Some(1));
    let error = items.next_item().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("/1"), "{source}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert_eq!(items.next_item().await.unwrap(), Some(3));
    assert_eq!(items.next_item().await.unwrap(), None);
    items.await.unwrap();
}

#[tokio::test]
async fn a_failure_is_the_last_item() {
    let run: Run<()> = Run::new("list", |ctx: RunContext| async move {
        write(&ctx, &["[1, 2"]).await;
        Err(broken())
    });
    let mut items = run.stream().items::<u32>("");
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    assert_eq!(items.next().await.unwrap().unwrap_err().status(), Some(503));
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn each_step_of_a_flow_has_its_items_and_one_can_be_chosen() {
    let flow = || {
        Run::new("flow", |ctx: RunContext| async move {
            for (name, piece) in [("a", r#"{"list": [1]}"#), ("b", r#"{"list": [2]}"#)] {
                ctx.step(name, "function", |ctx: RunContext| async move {
                    write(&ctx, &[piece]).await;
                    Ok(())
                })
                .await?;
            }
            Ok(())
        })
    };
    let items = flow().stream().items::<u32>("/list");
    let all: Vec<_> = items.map(Result::unwrap).collect().await;
    assert_eq!(all, [1, 2]);
    let items = flow().stream().items::<u32>("/list").of_step("b");
    let all: Vec<_> = items.map(Result::unwrap).collect().await;
    assert_eq!(all, [2]);
}
