//! Several runs as one labelled stream.

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context as Task, Poll, ready},
};

use futures::{
    Stream, StreamExt,
    stream::{FusedStream, FuturesUnordered, StreamFuture},
};
use tokio::task::coop;

use super::{RunResult, RunStream, StopHandle, TextStream};
use crate::{Event, Result, Text};

/// Reads several runs as one stream, in which each event has the label of its run.
///
/// The runs go on at the same time, in the task that reads. The merge is fair: a run that has an
/// event ready is served within as many events as there are runs, however much the others say. A
/// run that ends leaves the others alone; dropping the merge stops all of them.
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{Run, TextDelta, merge};
///
/// let bird = |name: &'static str| {
///     Run::new(name, move |ctx| async move {
///         ctx.emit(TextDelta::new(name)).await;
///         Ok(name.len())
///     })
/// };
/// let mut merged = merge([("one", bird("jay").stream()), ("two", bird("wren").stream())]).text();
/// while let Some((label, chunk)) = merged.next_text().await {
///     println!("{label}: {}", chunk?);
/// }
/// let results = merged.results().await;
/// assert_eq!(results[1].0, "two");
/// assert_eq!(results[1].1.as_ref().unwrap().output, 4);
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
pub fn merge<L, T>(runs: impl IntoIterator<Item = (L, RunStream<T>)>) -> Merged<T>
where
    L: Into<Text>,
{
    Merged(Fair::new(
        runs.into_iter().map(|(label, run)| (label.into(), run)),
    ))
}

/// The events of several runs; made by [`merge`].
///
/// A stream of [`Labelled`] events, each run's in its order and with its one end. The stream ends
/// with the last run.
#[must_use = "a merge does nothing unless it is polled"]
pub struct Merged<T>(Fair<RunStream<T>>);

/// The text of several runs; made by [`Merged::text`].
///
/// A stream of labels and pieces of text. A run's failure is its last item.
#[must_use = "a merge does nothing unless it is polled"]
pub struct MergedText<T>(Fair<TextStream<T>>);

/// An event, and which of the merged runs it belongs to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Labelled {
    /// The run's label.
    pub label: Text,
    /// The event.
    pub event: Event,
}

/// What came out of each run, with its label, in the order in which they were given.
type Results<T> = Vec<(Text, Result<RunResult<T>>)>;

impl<T> Merged<T> {
    /// The next event; none, once all runs have ended.
    pub async fn next_event(&mut self) -> Option<Labelled> {
        StreamExt::next(self).await
    }

    /// The text alone.
    pub fn text(self) -> MergedText<T> {
        MergedText(self.0.map(RunStream::text))
    }

    /// A handle for each run that stops it, with the run's label.
    pub fn stop_handles(&self) -> Vec<(Text, StopHandle)> {
        let mut handles: Vec<_> = self.0.sources().collect();
        handles.sort_unstable_by_key(|source| source.index);
        let handle = |source: &Source<RunStream<T>>| {
            let label = source.label.clone();
            (label, source.stream.stop_handle())
        };
        handles.into_iter().map(handle).collect()
    }

    /// Drains what is left, and gives each run's result.
    pub async fn results(mut self) -> Results<T> {
        while self.next_event().await.is_some() {}
        collect(self.0).await
    }
}

impl<T> MergedText<T> {
    /// The next piece of text, with its run's label; none, once all runs have ended.
    ///
    /// An error is the failure of that run, after all that came before it; the others go on.
    pub async fn next_text(&mut self) -> Option<(Text, Result<Text>)> {
        self.next().await
    }

    /// Drains what is left, and gives each run's result.
    pub async fn results(mut self) -> Results<T> {
        while self.next().await.is_some() {}
        collect(self.0).await
    }
}

async fn collect<T, S>(fair: Fair<S>) -> Results<T>
where
    S: Stream + Unpin + IntoFuture<Output = Result<RunResult<T>>>,
{
    let mut ended = fair.ended;
    ended.sort_unstable_by_key(|source| source.index);
    let mut results = Vec::with_capacity(ended.len());
    for source in ended {
        results.push((source.label, source.stream.await));
    }
    results
}

/// Streams that take turns.
///
/// The queue of those that are ready is first come, first served, and a stream that was served goes
/// to its end.
struct Fair<S> {
    running: FuturesUnordered<StreamFuture<Source<S>>>,
    ended: Vec<Source<S>>,
}

struct Source<S> {
    index: usize,
    label: Text,
    stream: S,
}

impl<S: Stream + Unpin> Fair<S> {
    fn new(streams: impl Iterator<Item = (Text, S)>) -> Self {
        let source = |(index, (label, stream))| Source {
            index,
            label,
            stream,
        };
        Self {
            running: streams
                .enumerate()
                .map(source)
                .map(StreamExt::into_future)
                .collect(),
            ended: Vec::new(),
        }
    }

    fn sources(&self) -> impl Iterator<Item = &Source<S>> {
        let running = self.running.iter().filter_map(StreamFuture::get_ref);
        running.chain(&self.ended)
    }

    /// The same with other streams, each where it stands.
    fn map<U: Stream + Unpin>(self, change: fn(S) -> U) -> Fair<U> {
        let change = |source: Source<S>| Source {
            index: source.index,
            label: source.label,
            stream: change(source.stream),
        };
        let running = self
            .running
            .into_iter()
            .filter_map(StreamFuture::into_inner);
        Fair {
            running: running.map(change).map(StreamExt::into_future).collect(),
            ended: self.ended.into_iter().map(change).collect(),
        }
    }

    /// The next item, for one unit of Tokio's budget.
    ///
    /// Within it the streams have no budget of their own: one that ran out of it in the middle of a
    /// round would lose its turn.
    fn poll_item(&mut self, task: &mut Task<'_>) -> Poll<Option<(Text, S::Item)>> {
        let budget = ready!(coop::poll_proceed(task));
        let next = pin!(coop::unconstrained(poll_fn(|task| self.poll_ready(task))));
        let item = ready!(next.poll(task));
        budget.made_progress();
        Poll::Ready(item)
    }

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Option<(Text, S::Item)>> {
        loop {
            match ready!(self.running.poll_next_unpin(task)) {
                Some((Some(item), source)) => {
                    let label = source.label.clone();
                    self.running.push(source.into_future());
                    return Poll::Ready(Some((label, item)));
                }
                Some((None, source)) => self.ended.push(source),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<S: Stream + Unpin> Stream for Source<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<S::Item>> {
        self.stream.poll_next_unpin(task)
    }
}

impl<T> Stream for Merged<T> {
    type Item = Labelled;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Labelled>> {
        let item = ready!(self.0.poll_item(task));
        Poll::Ready(item.map(|(label, event)| Labelled { label, event }))
    }
}

impl<T> Stream for MergedText<T> {
    type Item = (Text, Result<Text>);

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_item(task)
    }
}

impl<T> FusedStream for Merged<T> {
    fn is_terminated(&self) -> bool {
        self.0.running.is_empty()
    }
}

impl<T> FusedStream for MergedText<T> {
    fn is_terminated(&self) -> bool {
        self.0.running.is_empty()
    }
}

impl<T> fmt::Debug for Merged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Merged")
            .field(&self.0.running.len())
            .finish()
    }
}

impl<T> fmt::Debug for MergedText<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MergedText")
            .field(&self.0.running.len())
            .finish()
    }
}
