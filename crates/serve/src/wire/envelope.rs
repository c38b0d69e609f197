use std::{collections::BTreeMap, time::Duration};

use bytes::{BufMut, BytesMut};
use mainstem_core::{
    AppendOnly, Appended, CancelledBy, ErrorInfo, Event, EventKind, FinishReason, InputRequest,
    Json, Place, Progress, RunId, StepPath, Text, Usage,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Cut, Ended, Wire, line, shown,
    sse::{HEARTBEAT, Retry, Sse, put_id},
};

/// Server-sent events for clients that want to look at one field:
/// `{event, delta?, data?, progress?, metadata?, error?}`.
///
/// They are read by `onmessage`, since the name is in the data: `started`, `chunk` with a `delta` of text or
/// with `data`, `progress`, and one of `complete`, `error`, `cancelled` and `suspended` at the end. Whatever
/// else happens has its kind as `event`, and its data. What a tool says inside is no `chunk`.
#[derive(Debug)]
pub struct Envelope {
    retry: Retry,
    said: AppendOnly,
}

impl Envelope {
    /// The wire of a reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Sse::retry`].
    #[must_use]
    pub fn retry(self, wait: Duration) -> Self {
        let retry = Retry::new(wait);
        Self { retry, ..self }
    }

    fn put(
        &mut self,
        id: Option<Place>,
        fields: &Fields<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Cut> {
        self.retry.put(out);
        if let Some(id) = id {
            put_id(id, out);
        }
        out.put_slice(b"data: ");
        line::put(fields, out)?;
        out.put_slice(b"\n\n");
        Ok(())
    }
}

impl Default for Envelope {
    fn default() -> Self {
        Self {
            retry: Retry::new(Sse::RETRY),
            said: AppendOnly::new(),
        }
    }
}

/// What a message has; of the fields that it hasn't nothing is written, not even `null`.
#[derive(Default, Serialize)]
struct Fields<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a Progress>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorInfo>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Json(&'a Json),
    Requests(&'a [InputRequest]),
    Raw(Box<RawValue>),
}

#[derive(Default, PartialEq, Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a StepPath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Text>,
    /// What the caller said about the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a BTreeMap<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'a FinishReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a CancelledBy>,
}

impl Metadata<'_> {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl<'a> Fields<'a> {
    fn of(event: &'a Event, chunk: Option<&'a Text>) -> Result<Self, Cut> {
        let path = (!event.path.is_run()).then_some(&event.path);
        let mut fields = Fields::default();
        fields.metadata.path = path;
        fields.event = match &event.kind {
            _ if chunk.is_some() => {
                fields.delta = chunk;
                "chunk"
            }
            EventKind::Custom(custom) => {
                fields.data = Some(Data::Json(&custom.data));
                fields.metadata.name = Some(&custom.name);
                "chunk"
            }
            EventKind::Bytes(_) => {
                fields.data = data_of(event)?;
                "chunk"
            }
            EventKind::Progress(progress) => {
                fields.progress = Some(progress);
                "progress"
            }
            kind if kind.is_end() || matches!(kind, EventKind::RunStarted(_)) => {
                fields.of_the_run(kind)
            }
            kind => {
                fields.data = data_of(event)?;
                kind.name()
            }
        };
        Ok(fields)
    }

    /// The beginning and the end of the run; gives the word for it.
    fn of_the_run(&mut self, kind: &'a EventKind) -> &'a str {
        match kind {
            EventKind::RunStarted(started) => {
                let metadata = &started.metadata;
                self.metadata.run = Some(&started.run);
                self.metadata.name = Some(&started.name);
                self.metadata.metadata = (!metadata.is_empty()).then_some(metadata);
                "started"
            }
            EventKind::RunFinished(finished) => {
                self.data = Some(Data::Json(&finished.output));
                self.metadata.usage = Some(&finished.usage);
                self.metadata.finish_reason = finished.finish_reason.as_ref();
                "complete"
            }
            EventKind::RunFailed(failed) => {
                self.error = Some(&failed.error);
                "error"
            }
            EventKind::RunCancelled(cancelled) => {
                self.metadata.by = Some(&cancelled.by);
                "cancelled"
            }
            EventKind::RunSuspended(suspended) => {
                self.data = Some(Data::Requests(&suspended.requests));
                "suspended"
            }
            kind => kind.name(),
        }
    }
}

/// An event's data as it is written, whatever its kind.
fn data_of(event: &Event) -> Result<Option<Data<'static>>, Cut> {
    #[derive(serde::Deserialize)]
    struct Written {
        data: Option<Box<RawValue>>,
    }
    let written = serde_json::to_string(&shown::of(event).kind).map_err(|_| Cut)?;
    let written: Written = serde_json::from_str(&written).map_err(|_| Cut)?;
    Ok(written.data.map(Data::Raw))
}

impl Wire for Envelope {
    fn begin(&mut self, _out: &mut BytesMut) {
        self.retry.begin();
    }

    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        let chunk = match self.said.text(event) {
            Appended::Piece(text) => Some(text),
            // What is void is said: this reader can take it back.
            Appended::Nothing | Appended::Void => None,
        };
        let fields = Fields::of(event, chunk)?;
        self.put(Some(event.place()), &fields, out)
    }

    fn close(&mut self, _end: &Ended, _out: &mut BytesMut) -> Result<(), Cut> {
        Ok(())
    }

    fn broken(&mut self, why: &ErrorInfo, out: &mut BytesMut) {
        let fields = Fields {
            event: "broken",
            error: Some(why),
            ..Fields::default()
        };
        // The connection is cut in any case.
        let _ = self.put(None, &fields, out);
    }

    fn heartbeat(&self) -> Option<&'static [u8]> {
        Some(HEARTBEAT)
    }
}
