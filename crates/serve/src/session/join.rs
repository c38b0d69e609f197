//! Neighbouring deltas as one, and what is void in a log.

use mainstem_core::{
    Bytes, Event, EventKind, JsonDelta, Place, ReasoningDelta, RefusalDelta, Result, Retracted,
    RunId, Seq, StepPath, Store, TextDelta, ToolCallDelta,
};

/// How many events are looked through at once.
const PAGE: usize = 128;

/// A joined delta is handed on when it has so many bytes.
const BYTES: usize = 64 << 10;

/// Neighbouring deltas of one step that become one event, with the place of the last.
pub(super) struct Joined {
    /// The last one.
    event: Event,
    /// What they said; empty while there is but one.
    said: Vec<u8>,
}

impl Joined {
    /// Whether others may be joined to an event.
    pub(super) fn may_begin(event: &Event) -> bool {
        piece(event).is_some()
    }

    pub(super) fn begin(event: Event) -> Self {
        Self {
            event,
            said: Vec::new(),
        }
    }

    /// Whether the next event belongs to it.
    pub(super) fn takes(&self, next: &Event) -> bool {
        are_of_one(&self.event, next) && self.said.len() < BYTES
    }

    pub(super) fn add(&mut self, next: Event) {
        if self.said.is_empty() {
            let first = piece(&self.event).unwrap_or_default();
            self.said.extend_from_slice(first);
        }
        self.said
            .extend_from_slice(piece(&next).unwrap_or_default());
        self.event = next;
    }

    pub(super) fn finish(self) -> Event {
        let Self { mut event, said } = self;
        if said.is_empty() {
            return event;
        }
        let text = || String::from_utf8_lossy(&said).into_owned();
        event.kind = match event.kind {
            EventKind::TextDelta(_) => TextDelta::new(text()).into(),
            EventKind::ReasoningDelta(_) => ReasoningDelta::new(text()).into(),
            EventKind::RefusalDelta(_) => RefusalDelta::new(text()).into(),
            EventKind::JsonDelta(_) => JsonDelta::new(text()).into(),
            EventKind::ToolCallDelta(it) => ToolCallDelta::new(it.call_id, text()).into(),
            EventKind::Bytes(_) => Bytes::new(said.into()).into(),
            other => other,
        };
        event
    }
}

/// What a delta says.
fn piece(event: &Event) -> Option<&[u8]> {
    Some(match &event.kind {
        EventKind::TextDelta(it) => it.text.as_bytes(),
        EventKind::ReasoningDelta(it) => it.text.as_bytes(),
        EventKind::RefusalDelta(it) => it.text.as_bytes(),
        EventKind::JsonDelta(it) => it.text.as_bytes(),
        EventKind::ToolCallDelta(it) => it.text.as_bytes(),
        EventKind::Bytes(it) => &it.data,
        _ => return None,
    })
}

/// Whether two events are deltas of the same thing.
fn are_of_one(one: &Event, next: &Event) -> bool {
    let same_kind = match (&one.kind, &next.kind) {
        (EventKind::ToolCallDelta(one), EventKind::ToolCallDelta(next)) => {
            one.call_id == next.call_id
        }
        (one, next) => std::mem::discriminant(one) == std::mem::discriminant(next),
    };
    same_kind && one.path == next.path && one.epoch == next.epoch && piece(next).is_some()
}

/// What is void of a log, up to a place.
#[derive(Debug, Default)]
pub(super) struct Voids(Vec<Void>);

#[derive(Debug)]
struct Void {
    path: StepPath,
    since: Place,
    /// The retraction's own number.
    until: Seq,
}

impl Voids {
    /// Looks through a log, page by page.
    pub(super) async fn find(store: &dyn Store, run: &RunId, until: Place) -> Result<Self> {
        let mut voids = Self::default();
        let mut at = None;
        loop {
            let page = store.read(run, at, PAGE).await?;
            for event in &page {
                if event.place() > until {
                    return Ok(voids);
                }
                voids.note(event);
            }
            match page.last() {
                Some(last) => at = Some(last.place()),
                None => return Ok(voids),
            }
        }
    }

    fn note(&mut self, event: &Event) {
        if let EventKind::Retracted(Retracted { since, .. }) = &event.kind {
            self.0.push(Void {
                path: event.path.clone(),
                since: *since,
                until: event.seq,
            });
        }
    }

    /// Whether an event is void, or says that others are. What the run itself says never is.
    pub(super) fn cover(&self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Retracted(_) => return true,
            EventKind::RunStarted(_) | EventKind::RunResumed(_) => return false,
            kind if kind.is_end() => return false,
            _ => {}
        }
        self.0.iter().any(|void| {
            event.place() >= void.since
                && event.seq < void.until
                && event.path.is_within(&void.path)
        })
    }
}
