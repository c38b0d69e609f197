//! Every view of a run, by every policy: what its reader gets of an answer that is cut.

use std::{
    fmt::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use mainstem::{
    Agent, Error, ErrorKind, EventKind, FinishReason, Model, ModelEvent, ModelRequest, ModelStream,
    Recovery, Role, Run, WhenCut,
};
use mainstem_tests::within;
use serde_json::Value;

use crate::page::golden;

/// The answer, and where it is cut the first time: an item is whole then, and another one begun.
const PIECES: [&str; 4] = [r#"["jay", "#, r#""wr"#, r#"en", "#, r#""tit"]"#];
const CUT: usize = 2;

/// Answers with [`PIECES`], the first time as far as it is cut; who asks to go on gets the rest.
#[derive(Clone, Default)]
struct Cut {
    requests: Arc<AtomicUsize>,
}

impl Model for Cut {
    fn id(&self) -> &str {
        "cut"
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let is_first = self.requests.fetch_add(1, Ordering::SeqCst) == 0;
        let goes_on = request
            .messages
            .iter()
            .any(|message| message.role == Role::Assistant);
        let pieces = match (is_first, goes_on) {
            (true, _) => &PIECES[..CUT],
            (false, true) => &PIECES[CUT..],
            (false, false) => &PIECES,
        };
        let mut items: Vec<_> = pieces
            .iter()
            .map(|it| Ok(ModelEvent::Text((*it).into())))
            .collect();
        items.push(match is_first {
            true => Err(Error::new(ErrorKind::Truncated, "cut")),
            false => Ok(ModelEvent::Finished(FinishReason::Stop)),
        });
        ModelStream::new(futures::stream::iter(items))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Events,
    Awaited,
    Partials,
    Patches,
    NextText,
    Text,
    Batches,
    OnChunk,
    Items,
}

const VIEWS: [(View, &str); 9] = [
    (View::Events, "events: the run itself, `on_event`"),
    (View::Awaited, "`.await`"),
    (View::Partials, "`partials`"),
    (View::Patches, "`patches`"),
    (View::NextText, "`next_text`"),
    (View::Text, "`text`"),
    (View::Batches, "`chunks_batched`, by `next_batch`"),
    (View::OnChunk, "`on_chunk`, however the run is read"),
    (View::Items, "`items`, once one was given"),
];

const POLICIES: [(WhenCut, WhenCut); 5] = [
    (WhenCut::Fail, WhenCut::Fail),
    (WhenCut::Continue, WhenCut::Fail),
    (WhenCut::Restart, WhenCut::Fail),
    (WhenCut::Restart, WhenCut::Continue),
    (WhenCut::Hold, WhenCut::Fail),
];

/// What a view gave: JSON text or items, since it was void the last time.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<GivenParts>>);

#[derive(Default)]
struct GivenParts {
    shown: String,
    was_void: bool,
    /// The requests when the first piece was given.
    first_at: Option<usize>,
}

impl Given {
    fn piece(&self, text: &str, model: &Cut) {
        if text.is_empty() {
            return;
        }
        let mut parts = self.0.lock().unwrap();
        parts.shown.push_str(text);
        parts
            .first_at
            .get_or_insert(model.requests.load(Ordering::SeqCst));
    }

    fn void(&self) {
        let mut parts = self.0.lock().unwrap();
        parts.shown.clear();
        parts.was_void = true;
    }

    /// Of a view that shows all of the document each time.
    fn whole(&self, document: &Value, model: &Cut) {
        let now = document
            .as_array()
            .map(|_| document.to_string())
            .unwrap_or_default();
        let now = now.trim_end_matches(['"', ']']);
        let before = self.0.lock().unwrap().shown.len();
        if before > now.len() {
            self.void();
        }
        let shown = self.0.lock().unwrap().shown.clone();
        assert!(now.starts_with(&shown), "{now} after {shown}");
        self.piece(&now[shown.len()..], model);
    }
}

/// Reads a run by a view, to its end.
async fn look(
    view: View,
    run: Run<Vec<String>>,
    given: &Given,
    model: &Cut,
) -> Result<Vec<String>, Error> {
    let result = match view {
        View::Events => {
            let mut run = run.stream();
            while let Some(event) = run.next().await {
                match (&event.kind, event.text()) {
                    (EventKind::Retracted(_), _) => given.void(),
                    (_, Some(text)) => given.piece(text, model),
                    _ => {}
                }
            }
            run.await
        }
        View::Awaited => run.await,
        View::Partials => {
            let mut partials = run.stream().partials();
            while let Ok(Some(partial)) = partials.next().await {
                given.whole(&partial.to_value(), model);
            }
            partials.await
        }
        View::Patches => {
            let (mut document, mut patches) = (Value::Null, run.stream().patches());
            while let Ok(Some(new)) = patches.next_patches().await {
                new.iter()
                    .for_each(|patch| patch.apply(&mut document).unwrap());
                given.whole(&document, model);
            }
            patches.await
        }
        View::NextText => {
            let mut run = run.stream();
            while let Ok(Some(text)) = run.next_text().await {
                given.piece(&text, model);
            }
            run.await
        }
        View::Text => {
            let mut texts = run.stream().text();
            while let Some(Ok(text)) = texts.next().await {
                given.piece(&text, model);
            }
            texts.await
        }
        View::Batches => {
            let mut batches = run.stream().chunks_batched(2, Duration::from_secs(9));
            while let Ok(Some(batch)) = batches.next_batch().await {
                let joined: String = batch.iter().map(|text| text.as_str()).collect();
                given.piece(&joined, model);
            }
            batches.await
        }
        View::OnChunk => {
            let (to, of) = (given.clone(), model.clone());
            run.on_chunk(move |text| to.piece(text, &of)).await
        }
        View::Items => {
            let mut items = run.stream().items::<String>("");
            while let Ok(Some(item)) = items.next_item().await {
                given.piece(&format!("{item} "), model);
            }
            items.await
        }
    };
    result.map(|result| result.output)
}

/// Plays a view and a policy; says what happened.
async fn played(view: View, (when_cut, in_text): (WhenCut, WhenCut)) -> &'static str {
    let (model, given) = (Cut::default(), Given::default());
    let pause = Duration::from_millis(1);
    let plan = Recovery::of(model.clone()).backoff(pause, pause);
    let plan = plan.when_cut(when_cut).when_cut_in_text(in_text);
    let agent = Agent::builder(plan.build().unwrap()).output::<Vec<String>>();
    let run = agent.build().unwrap().run("Birds?");
    let end = within(Box::pin(look(view, run, &given, &model))).await;
    let given = given.0.lock().unwrap();
    let shown = &given.shown;
    let name = format!("{view:?}, {when_cut:?}, {in_text:?}: {shown}, {end:?}");

    // What wasn't taken back is the answer or its beginning, each piece once.
    let whole = match view {
        View::Items => "jay wren tit ".to_owned(),
        View::Partials | View::Patches => r#"["jay","wren","tit"#.to_owned(),
        _ => PIECES.concat(),
    };
    assert!(whole.starts_with(shown), "{name}");
    let can_take_back = matches!(view, View::Events | View::Partials | View::Patches);
    assert!(can_take_back || !given.was_void, "{name}");
    match &end {
        Ok(output) => {
            assert_eq!(*output, ["jay", "wren", "tit"], "{name}");
            assert!(*shown == whole || view == View::Awaited, "{name}");
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Truncated, "{name}");
            let partial = &error.partial().unwrap().text;
            assert_eq!(*partial, PIECES[..CUT].concat(), "{name}");
        }
    }
    let requests = model.requests.load(Ordering::SeqCst);
    assert_eq!(requests, if end.is_ok() { 2 } else { 1 }, "{name}");
    match (end.is_ok(), given.was_void, given.first_at) {
        (false, ..) => "✗",
        (true, true, _) => "taken back, anew",
        (true, false, None) => "the result",
        (true, false, Some(1)) => "goes on",
        (true, false, Some(_)) => "whole, at the end",
    }
}

const BEGIN: &str = "<!-- The test `faults` writes what follows. -->\n";
const END: &str = "<!-- Here it ends. -->\n";

#[tokio::test]
async fn w13_every_view_by_every_policy() {
    let columns = "view | `Fail` | `Continue` | `Restart` | `Restart`, in text `Continue` | `Hold`";
    let mut table = format!("\n| {columns} |\n|---|---|---|---|---|---|\n");
    for (view, name) in VIEWS {
        write!(table, "| {name} ").unwrap();
        for policies in POLICIES {
            write!(table, "| {} ", played(view, policies).await).unwrap();
        }
        table.push_str("|\n");
    }
    golden("recovery.md", |page| {
        let (head, rest) = page.split_once(BEGIN).unwrap();
        let (_, tail) = rest.split_once(END).unwrap();
        format!("{head}{BEGIN}{table}\n{END}{tail}")
    });
}
