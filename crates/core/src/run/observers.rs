use std::panic::{AssertUnwindSafe, catch_unwind};

use super::shared::Shared;
use crate::{Event, EventKind, Notice, Text, sync::lock};

/// The callbacks of a run.
#[derive(Default)]
pub(super) struct Observers(Vec<Observer>);

struct Observer {
    watch: Watch,
    panicked: bool,
}

enum Watch {
    Events(Box<dyn FnMut(&Event) + Send>),
    /// Append-only: what it has been given can't be taken back.
    Chunks {
        call: Box<dyn FnMut(&Text) + Send>,
        ended: bool,
    },
}

impl Observers {
    pub(super) fn on_event(&mut self, call: impl FnMut(&Event) + Send + 'static) {
        self.push(Watch::Events(Box::new(call)));
    }

    pub(super) fn on_chunk(&mut self, call: impl FnMut(&Text) + Send + 'static) {
        self.push(Watch::Chunks {
            call: Box::new(call),
            ended: false,
        });
    }

    fn push(&mut self, watch: Watch) {
        self.0.push(Observer {
            watch,
            panicked: false,
        });
    }

    /// Shows an event to all. A callback that panics is reported once, and called again.
    pub(super) fn tell(&mut self, event: &Event, shared: &Shared) -> Vec<EventKind> {
        let mut notices = Vec::new();
        for observer in &mut self.0 {
            let told = catch_unwind(AssertUnwindSafe(|| observer.watch.tell(event, shared)));
            match told {
                Ok(None) => {}
                Ok(Some(notice)) => notices.push(notice.into()),
                Err(_) if observer.panicked => {}
                Err(_) => {
                    observer.panicked = true;
                    let message = "a callback of the run panicked; it will be called again";
                    notices.push(Notice::new("callback_panicked", message).into());
                }
            }
        }
        notices
    }
}

impl Watch {
    fn tell(&mut self, event: &Event, shared: &Shared) -> Option<Notice> {
        match self {
            Self::Events(call) => call(event),
            Self::Chunks { ended: true, .. } => {}
            Self::Chunks { call, ended } => {
                if let Some(text) = shared.text_of(event) {
                    lock(&shared.given).to_callbacks.note(event);
                    call(text);
                } else if lock(&shared.given).to_callbacks.is_broken_by(event) {
                    *ended = true;
                    let message = "text was retracted; `on_chunk` can't take it back, and is called \
                                   no more: use `on_event` to follow retractions";
                    return Some(Notice::new("chunks_retracted", message));
                }
            }
        }
        None
    }
}
