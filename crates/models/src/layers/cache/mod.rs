//! What was asked before is answered as before.

mod asked;
mod kept;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use asked::{Asked, Keys};
use async_stream::stream;
use futures::StreamExt;
use kept::{Kept, Recording};
use mainstem_core::{Model, ModelRequest, ModelStream, OutputMode, OutputSpec};
use quick_cache::{DefaultHashBuilder, Weighter, unsync};

/// Answers of identical requests, in memory, shared by all models that hold it: a clone is the same
/// cache.
///
/// A request is identical if the model's id and all that is sent are: instructions, messages, tools,
/// the output's schema and mode, settings with their further headers. Settings that ask for chance make
/// no difference: the same request gets the same answer, at any temperature. Models that share a cache
/// need ids of their own: the same name on two servers is one id.
///
/// Only whole answers are kept: none that failed, was left by its reader, was cut at a limit of tokens
/// or by a filter, or came from another model (a fallback). Nobody judges whether they are good. Of a
/// request a hash is kept; answers are kept as they are, until there are too many bytes of them or
/// their time is over.
///
/// An answer from the cache has the same events at once, with a notice (code `cached`) before its first
/// piece, and a usage of nothing: no token and no request. Requests that are out aren't shared: the
/// same request twice at the same time goes out twice.
///
/// With the feature `cache`.
///
/// ```
/// # futures::executor::block_on(async {
/// use futures::StreamExt;
/// use mainstem_core::{Message, Model, ModelRequest, test_util::ScriptedModel};
/// use mainstem_models::{Cache, ModelExt};
///
/// let model = ScriptedModel::new().always(["Jays"]);
/// let cached = model.clone().cached(&Cache::new(64 << 20));
/// for _ in 0..2 {
///     let request = ModelRequest::new([Message::user("Name a bird.")]);
///     assert!(cached.stream(request).all(async |event| event.is_ok()).await);
/// }
/// assert_eq!(model.requests().len(), 1);
/// # });
/// ```
#[derive(Clone)]
pub struct Cache {
    max_bytes: usize,
    time_to_live: Duration,
    shared: Arc<Shared>,
}

struct Shared {
    keys: Keys,
    answers: Mutex<Answers>,
}

type Answers = unsync::Cache<Asked, Arc<Kept>, Bytes>;

/// Weighs an answer by its bytes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Asked, Arc<Kept>> for Bytes {
    fn weight(&self, _: &Asked, kept: &Arc<Kept>) -> u64 {
        kept.bytes as u64
    }
}

/// How long an answer is, for the first guess at how many there will be.
const USUAL_BYTES: usize = 16 << 10;

impl Cache {
    /// A cache of at most this many bytes of answers, each of which is kept for an hour.
    ///
    /// An answer that is longer than 97 % of it isn't kept.
    pub fn new(max_bytes: usize) -> Self {
        Self::of(max_bytes, Duration::from_secs(60 * 60))
    }

    fn of(max_bytes: usize, time_to_live: Duration) -> Self {
        let answers = unsync::Cache::with(
            max_bytes / USUAL_BYTES,
            max_bytes as u64,
            Bytes,
            DefaultHashBuilder::default(),
            unsync::DefaultLifecycle::default(),
        );
        Self {
            max_bytes,
            time_to_live,
            shared: Arc::new(Shared {
                keys: Keys::default(),
                answers: Mutex::new(answers),
            }),
        }
    }

    /// Keeps each answer for this time; an hour by default.
    ///
    /// It makes another cache: set it before it is cloned.
    #[must_use]
    pub fn time_to_live(self, time: Duration) -> Self {
        Self::of(self.max_bytes, time)
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.shared
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, asked: &Asked) -> Option<Arc<Kept>> {
        let mut answers = self.lock();
        let kept = Arc::clone(answers.get(asked)?);
        if kept.at.elapsed() < self.time_to_live {
            return Some(kept);
        }
        answers.remove(asked);
        None
    }

    fn keep(&self, asked: Asked, kept: Kept) {
        self.lock().insert(asked, Arc::new(kept));
    }
}

/// Shows no answer.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = self.lock();
        f.debug_struct("Cache")
            .field("answers", &answers.len())
            .field("bytes", &answers.weight())
            .field("max_bytes", &self.max_bytes)
            .field("time_to_live", &self.time_to_live)
            .finish_non_exhaustive()
    }
}

/// A model behind a [`Cache`]: see [`ModelExt::cached`](crate::ModelExt::cached).
#[derive(Debug)]
pub struct Cached<M> {
    model: Arc<M>,
    cache: Cache,
}

impl<M> Cached<M> {
    pub(super) fn new(model: M, cache: &Cache) -> Self {
        Self {
            model: Arc::new(model),
            cache: cache.clone(),
        }
    }
}

impl<M: Model> Model for Cached<M> {
    fn id(&self) -> &str {
        self.model.id()
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let (model, cache) = (Arc::clone(&self.model), self.cache.clone());
        ModelStream::new(stream! {
            let asked = Asked::of(model.id(), &request, &cache.shared.keys);
            if let Some(kept) = asked.and_then(|asked| cache.find(&asked)) {
                for event in kept.replay() {
                    yield Ok(event);
                }
                return;
            }
            let mut recording = Recording::new(cache.max_bytes);
            let mut answer = model.stream(request);
            while let Some(item) = answer.next().await {
                // Before it is given on: after the end nobody may come back.
                let kept = item.as_ref().ok().and_then(|event| recording.take(event));
                if let (Some(asked), Some(kept)) = (asked, kept) {
                    cache.keep(asked, kept);
                }
                yield item;
            }
        })
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        self.model.output_mode(output)
    }
}

#[cfg(test)]
mod tests;
