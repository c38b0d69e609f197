use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::Gate;
use crate::completion;
use crate::delivery::{Delivery, Framing, Split};
use crate::json::error_text;
use crate::responses;
use crate::script::{Part, Pause, Phrasing, Script, Stop};
use crate::script_file::ReplyForm;
use crate::step::{RawBytes, Step};
use crate::wire::{Op, Ops};

/// What the server answers to one request.
///
/// A reply is a list of steps, sent in order, and a way to write them.
///
/// - [`Reply::text`] is a complete, ordinary answer.
/// - [`Reply::stream`] starts an empty one, to which you add steps.
/// - [`Reply::status`] starts an answer with a status and a body of your own.
///
/// To a request without `"stream": true` the server answers with the
/// `chat.completion` object that the same steps add up to. Requests to `/responses` get
/// the same in the words of the Responses API; steps that have no meaning there (free
/// deltas, further choices) are skipped.
///
/// ```
/// use mainstem_testkit::Reply;
///
/// let body = Reply::text(["Hel", "lo"]).body_bytes();
/// let body = String::from_utf8(body).unwrap();
/// assert!(body.contains(r#""delta":{"content":"Hel"}"#));
/// assert!(body.ends_with("data: [DONE]\n\n"));
/// ```
///
/// # In a file
///
/// A reply can be read by serde. It has one of `text` (a list), `stream` (a list of
/// steps), `json` and `body`, or a `status` alone; then, as wanted, `status`,
/// `headers`, `delay_head_ms`, `every_ms`, `chunk_size`, `split_at` (a list),
/// `cut_at`, `end_at`, `framing` (`chunked`, `content_length`, `close_delimited`) and
/// `dialect`, an object with `id`, `model`, `created`, `omit`, `usage_shape`,
/// `reasoning_field`, `extra`, `delta_extra`, `line_end` (`lf`, `cr_lf`, `cr`),
/// `no_space`, `multi_line` and `bom`.
///
/// Steps are `"role"`, `"done"`, `"null_delta"`, `"null_content"`, `"stall"`, `"cut"`,
/// `"reset"`, `"end"`, and the objects `{"text": ".."}`, `{"reasoning": ".."}`,
/// `{"refusal": ".."}`, `{"tool_call": {"index": 0, "id": "..", "name": ".."}}`,
/// `{"arguments": {"index": 0, "delta": ".."}}`, `{"finish": ".."}`,
/// `{"usage": {"prompt_tokens": 3, "completion_tokens": 2}}`, `{"wait_ms": 20}`,
/// `{"repeat": {"text": "..", "count": 5}}`, `{"choice": 1}`, `{"delta": {..}}`,
/// `{"chunk": {..}}`, `{"data": ".."}`, `{"raw": ".."}`, `{"comment": ".."}` and
/// `{"error": ".."}`. A repeat without a `count` has no end.
///
/// ```
/// use mainstem_testkit::Reply;
///
/// let replies: Vec<Reply> = serde_json::from_str(r#"[
///     {"text": ["Hel", "lo"], "chunk_size": 4},
///     {"stream": ["role", {"text": "Hel"}, {"wait_ms": 20}, "cut"]},
///     {"status": 429, "headers": {"retry-after": "2"}, "json": {"error": {}}}
/// ]"#).unwrap();
/// assert_eq!(replies[0].body_bytes(), Reply::text(["Hel", "lo"]).body_bytes());
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "ReplyForm")]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    /// Set for bodies that are sent as they are, streamed or not.
    plain: bool,
    before: Vec<Part>,
    script: Arc<Script>,
    delivery: Delivery,
    framing: Option<Framing>,
    prepared: Option<Arc<[Op]>>,
}

/// The body of a reply to one particular request.
pub(crate) struct Body {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) framing: Framing,
    /// The length of the body, known if the framing needs it.
    pub(crate) length: Option<u64>,
    pub(crate) ops: Box<dyn Iterator<Item = Op> + Send>,
}

/// What a request wishes its answer to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes {
    pub(crate) stream: bool,
    pub(crate) phrasing: Phrasing,
    /// Whether the client's HTTP knows chunks.
    pub(crate) chunks: bool,
}

/// How much of an endless body [`Reply::body_bytes`] returns.
const ENDLESS_SAMPLE: usize = 1 << 20;

/// Chat completions, with all that they may have.
const CHAT: Phrasing = Phrasing::Chat { usage: true };

impl Reply {
    /// Creates a complete answer of these chunks of text.
    ///
    /// It has a chunk with the role, one for each text, the finish reason `stop`,
    /// the usage (3 tokens of prompt, one of completion for each text) and `[DONE]`.
    #[must_use]
    pub fn text<I>(chunks: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut reply = Self::stream().role();
        let mut count = 0;
        for chunk in chunks {
            reply = reply.content(chunk);
            count += 1;
        }
        reply.finish("stop").usage(3, count).done()
    }

    /// Creates a complete answer that calls one tool.
    ///
    /// The arguments come in two deltas, and the finish reason is `tool_calls`.
    #[must_use]
    pub fn tool_call(id: &str, name: &str, arguments: &Value) -> Self {
        let text = arguments.to_string();
        let middle = text.chars().count() / 2;
        let start: String = text.chars().take(middle).collect();
        let end = &text[start.len()..];
        Self::stream()
            .role()
            .tool_start(0, id, name)
            .tool_arguments(0, start)
            .tool_arguments(0, end)
            .finish("tool_calls")
            .usage(3, 2)
            .done()
    }

    /// Creates a streamed answer without any steps.
    #[must_use]
    pub fn stream() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            plain: false,
            before: Vec::new(),
            script: Arc::default(),
            delivery: Delivery::default(),
            framing: None,
            prepared: None,
        }
    }

    /// Creates an answer with this status and an empty body.
    ///
    /// ```
    /// use mainstem_testkit::Reply;
    /// use serde_json::json;
    ///
    /// let reply = Reply::status(429)
    ///     .header("retry-after", "2")
    ///     .json(&json!({"error": {"message": "slow down"}}));
    /// assert_eq!(reply.body_bytes(), br#"{"error":{"message":"slow down"}}"#);
    /// ```
    #[must_use]
    pub fn status(status: u16) -> Self {
        let mut reply = Self::stream();
        reply.status = status;
        reply.plain = true;
        reply
    }

    /// Creates an error answer in the shape that OpenAI uses.
    #[must_use]
    pub fn error_status(status: u16, message: &str) -> Self {
        let kind = match status {
            429 => "rate_limit_error",
            400..500 => "invalid_request_error",
            _ => "server_error",
        };
        Self::status(status).body(error_text(message, kind, None, None))
    }

    /// Creates an answer of `text` again and again, without an end.
    ///
    /// It has the role chunk and then one frame after the other, as fast as the
    /// socket takes them, made while they are sent. Pace it with [`every`](Self::every).
    #[must_use]
    pub fn endless(text: impl Into<String>) -> Self {
        Self::stream().role().step(Step::Repeat {
            text: text.into(),
            count: None,
        })
    }

    /// Creates an answer that never comes: not even the head is sent.
    #[must_use]
    pub fn silent() -> Self {
        Self::stream().before(Part::Stop(Stop::Stall))
    }

    /// Creates an answer that closes the connection before the head.
    #[must_use]
    pub fn hang_up() -> Self {
        Self::stream().before(Part::Stop(Stop::Cut))
    }

    /// Sets the status of the answer, and leaves the body as it is.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header; one that the server would send otherwise is replaced.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the content type, for instance to `text/plain`.
    #[must_use]
    pub fn content_type(self, value: impl Into<String>) -> Self {
        self.header("content-type", value)
    }

    /// Appends a JSON body, which is sent as it is to streaming requests too.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    /// Appends a body, which is sent as it is to streaming requests too.
    ///
    /// Its content type is `application/json` unless you set another.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.plain = true;
        self.step(Step::Raw(RawBytes(body.into())))
    }

    /// Waits before the head of the answer is sent.
    #[must_use]
    pub fn delay_head(self, duration: Duration) -> Self {
        self.before(Part::Pause(Pause::For(duration)))
    }

    /// Waits for the gate before the head of the answer is sent.
    #[must_use]
    pub fn gate_head(self, gate: &Gate) -> Self {
        self.before(Part::Pause(Pause::At(gate.clone())))
    }

    /// Waits before each frame but the first.
    #[must_use]
    pub fn every(self, duration: Duration) -> Self {
        self.edit(|script| script.every = Some(duration))
    }

    /// Re-splits the whole body into HTTP chunks of `size` bytes.
    ///
    /// The borders fall inside of JSON and inside of UTF-8 sequences. A pause sends
    /// what came before it as a shorter chunk. A size of 0 counts as 1, and one over
    /// a mebibyte as a mebibyte.
    #[must_use]
    pub fn chunk_size(self, size: usize) -> Self {
        self.deliver(|delivery| delivery.split = Split::Every(size.max(1)))
    }

    /// Splits the whole body into two HTTP chunks at this offset.
    ///
    /// Each further call adds a border. A pause is a border, and a chunk is a
    /// mebibyte at most.
    #[must_use]
    pub fn split_at(self, offset: u64) -> Self {
        self.deliver(|delivery| match &mut delivery.split {
            Split::At(borders) => {
                borders.push(offset);
                borders.sort_unstable();
            }
            split => *split = Split::At(vec![offset]),
        })
    }

    /// Closes the connection after this many bytes of the body, without ending it.
    ///
    /// An offset past the body's end has no effect.
    #[must_use]
    pub fn cut_at(self, offset: u64) -> Self {
        self.deliver(|delivery| delivery.cut_at = Some(offset))
    }

    /// Ends the body properly after this many bytes.
    #[must_use]
    pub fn end_at(self, offset: u64) -> Self {
        self.deliver(|delivery| delivery.end_at = Some(offset))
    }

    /// Sets how the client learns where the body ends.
    ///
    /// Streams are chunked and other bodies have a length unless you choose. An
    /// endless body that should have a length is delimited by the connection's close.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = Some(framing);
        self.prepared = None;
        self
    }

    /// Makes the bytes of the streamed answer now, once for all requests.
    ///
    /// For benchmarks: a request then costs the server a few large writes. HTTP
    /// chunks stay as they are. What the request says about usage is not looked at.
    /// An endless answer is made while it is sent all the same.
    #[must_use]
    pub fn prepared(mut self) -> Self {
        if !self.script.is_endless() || self.delivery.cut_at.or(self.delivery.end_at).is_some() {
            let parts = self.delivery.apply(self.script.parts(CHAT));
            self.prepared = Some(Ops::new(parts, self.stream_framing()).prepared());
        }
        self
    }

    /// Returns the exact bytes of the streamed body, with all usage chunks.
    ///
    /// Steps that stop the reply are honoured, pauses are skipped, and so is the
    /// framing of HTTP. Of an endless body you get the first mebibyte.
    #[must_use]
    pub fn body_bytes(&self) -> Vec<u8> {
        self.bytes_in(CHAT)
    }

    /// Returns the exact bytes of the body as the Responses API streams it, to a request
    /// that asks for encrypted reasoning.
    ///
    /// ```
    /// use mainstem_testkit::Reply;
    ///
    /// let body = Reply::text(["Hel", "lo"]).response_bytes();
    /// let body = String::from_utf8(body).unwrap();
    /// assert!(body.contains("event: response.output_text.delta\n"));
    /// ```
    #[must_use]
    pub fn response_bytes(&self) -> Vec<u8> {
        self.bytes_in(Phrasing::Responses { encrypted: true })
    }

    fn bytes_in(&self, phrasing: Phrasing) -> Vec<u8> {
        let limit = if self.script.is_endless() {
            ENDLESS_SAMPLE
        } else {
            usize::MAX
        };
        let mut body = Vec::new();
        for part in self.delivery.apply(self.script.parts(phrasing)) {
            if let Part::Bytes { data, .. } = part {
                body.extend_from_slice(&data);
            }
            if body.len() >= limit {
                body.truncate(limit);
                break;
            }
        }
        body
    }

    pub(crate) fn step(self, step: Step) -> Self {
        self.edit(|script| script.steps.push(step))
    }

    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Script)) -> Self {
        change(Arc::make_mut(&mut self.script));
        self.prepared = None;
        self
    }

    fn deliver(mut self, change: impl FnOnce(&mut Delivery)) -> Self {
        change(&mut self.delivery);
        self.prepared = None;
        self
    }

    fn before(mut self, part: Part) -> Self {
        self.before.push(part);
        self
    }

    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Returns what happens before the head is sent.
    pub(crate) fn before_head(&self) -> Vec<Op> {
        let op = |part: &Part| match part {
            Part::Pause(pause) => Some(Op::Pause(pause.clone())),
            Part::Stop(how) => Some(Op::Stop(*how)),
            Part::Bytes { .. } => None,
        };
        self.before.iter().filter_map(op).collect()
    }

    fn stream_framing(&self) -> Framing {
        let default = if self.plain {
            Framing::ContentLength
        } else {
            Framing::Chunked
        };
        match self.framing.unwrap_or(default) {
            Framing::ContentLength if self.script.is_endless() => Framing::CloseDelimited,
            framing => framing,
        }
    }

    /// Returns the body for a request with these wishes.
    pub(crate) fn answer(&self, wishes: Wishes) -> Body {
        if wishes.stream || self.plain {
            self.answer_as_stream(wishes)
        } else {
            self.answer_as_completion(wishes)
        }
    }

    fn answer_as_stream(&self, wishes: Wishes) -> Body {
        let framing = wishes.allow(self.stream_framing());
        let content_type = if self.plain {
            "application/json"
        } else {
            "text/event-stream"
        };
        let length = (framing == Framing::ContentLength)
            .then(|| length_of(self.uncut().apply(self.script.parts(wishes.phrasing))));
        let ops: Box<dyn Iterator<Item = Op> + Send> = match &self.prepared {
            Some(prepared) if framing == self.stream_framing() && wishes.is_chat() => {
                let prepared = Arc::clone(prepared);
                Box::new((0..prepared.len()).map(move |index| prepared[index].clone()))
            }
            _ => {
                let parts = self.delivery.apply(self.script.parts(wishes.phrasing));
                Box::new(Ops::new(parts, framing))
            }
        };
        Body {
            status: self.status,
            content_type,
            framing,
            length,
            ops,
        }
    }

    fn answer_as_completion(&self, wishes: Wishes) -> Body {
        let completion = match wishes.phrasing {
            Phrasing::Chat { .. } => completion::assemble(&self.script),
            Phrasing::Responses { encrypted } => responses::assemble(&self.script, encrypted),
        };
        let framing = wishes.allow(self.framing.unwrap_or(Framing::ContentLength));
        let length = (framing == Framing::ContentLength)
            .then(|| length_of(self.uncut().apply(completion.parts.iter().cloned())));
        let parts = self.delivery.apply(completion.parts.into_iter());
        Body {
            status: completion.status.unwrap_or(self.status),
            content_type: "application/json",
            framing,
            length,
            ops: Box::new(Ops::new(parts, framing)),
        }
    }

    fn uncut(&self) -> Delivery {
        Delivery {
            cut_at: None,
            ..self.delivery.clone()
        }
    }
}

impl Wishes {
    fn is_chat(self) -> bool {
        matches!(self.phrasing, Phrasing::Chat { .. })
    }

    fn allow(self, framing: Framing) -> Framing {
        if framing == Framing::Chunked && !self.chunks {
            return Framing::CloseDelimited;
        }
        framing
    }
}

/// Returns the length to declare: a body that breaks off lacks one byte of it.
fn length_of(parts: impl Iterator<Item = Part>) -> u64 {
    let length = |part| match part {
        Part::Bytes { data, .. } => data.len() as u64,
        Part::Stop(Stop::Stall | Stop::Cut | Stop::Reset) => 1,
        Part::Pause(_) | Part::Stop(Stop::End) => 0,
    };
    parts.map(length).sum()
}
