//! Runs that go on from a file, with another handle than the one they began with.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mainstem::{EventKind, Outcome, Question, RunQuery, Store, Suspension, prelude::*, with};
use mainstem_testkit::stores::Home;

use super::File;

fn pay() -> Flow<String, String> {
    Flow::new("pay")
        .step("price", |order: String| order.len())
        .ask::<bool>("approve", |price: &usize| {
            Question::new(format!("Pay {price}?"))
        })
        .step("pay", |(price, yes): (usize, bool)| {
            format!("{price}: {yes}")
        })
}

#[tokio::test]
async fn a_question_is_answered_somewhere_else() {
    let file = File::new();
    let asked = pay()
        .run("seven")
        .id("r")
        .store(file.open().await)
        .outcome()
        .await;
    assert!(matches!(asked.unwrap(), Outcome::Suspended(_)));

    let store = file.open().await;
    let asked = Suspension::load(&store, &"r".into()).await.unwrap();
    let answered = asked.answer("approve", &true).unwrap();
    let result = pay().resume(answered).store(store).await.unwrap();
    assert_eq!(result.output, "5: true");
    let open = file
        .open()
        .await
        .list(RunQuery::new(9).open())
        .await
        .unwrap();
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn what_had_finished_is_not_done_again() {
    let file = File::new();
    let counted = Arc::new(AtomicUsize::new(0));
    let count = async |counted: Arc<AtomicUsize>, text: String| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, StepError>(text.split(' ').count())
    };
    let flow = Flow::new("count")
        .step("words", with(Arc::clone(&counted), count))
        .step("double", |words: usize| words * 2);
    let mut run = flow
        .run("a jay is blue")
        .id("r")
        .store(file.open().await)
        .stream();
    while let Some(event) = run.next_event().await {
        let is_first = event.path.to_string().ends_with("words");
        if is_first && matches!(event.kind, EventKind::StepFinished(_)) {
            break;
        }
    }
    drop(run); // as if the process had died

    let result = flow.resume("r").store(file.open().await).await.unwrap();
    assert_eq!(result.output, 8);
    assert_eq!(counted.load(Ordering::Relaxed), 1);
    let state = file.open().await.state(&"r".into()).await.unwrap();
    assert!(state.closed && state.epoch.0 == 2, "{state:?}");
}
