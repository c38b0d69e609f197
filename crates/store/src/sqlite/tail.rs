use std::vec;

use futures::{StreamExt, stream, stream::BoxStream};
use mainstem_core::{ErrorKind, Event, Place, Result, RunId};

use super::{
    SqliteStore,
    log_page::{self, Size},
    tails::Waiting,
};

/// A log that is read on and on: page by page what is there, then what comes.
pub(super) struct Tail {
    store: SqliteStore,
    run: RunId,
    after: Option<Place>,
    page: vec::IntoIter<Event>,
    waiting: Option<Waiting>,
    /// Of the log that was begun with; one of the same id that is made later is another.
    key: Option<i64>,
    has_ended: bool,
}

impl Tail {
    pub(super) fn stream(
        store: SqliteStore,
        run: RunId,
        after: Option<Place>,
    ) -> BoxStream<'static, Result<Event>> {
        let tail = Self {
            store,
            run,
            after,
            page: Vec::new().into_iter(),
            waiting: None,
            key: None,
            has_ended: false,
        };
        let next = |mut tail: Self| async move { Some((tail.next().await?, tail)) };
        stream::unfold(tail, next).boxed()
    }

    async fn next(&mut self) -> Option<Result<Event>> {
        loop {
            if let Some(event) = self.page.next() {
                self.after = Some(event.place());
                return Some(Ok(event));
            }
            if self.has_ended {
                return None;
            }
            if let Err(error) = self.turn_over().await {
                self.has_ended = true;
                let was_deleted = error.kind() == ErrorKind::NotFound && self.key.is_some();
                return (!was_deleted).then_some(Err(error));
            }
        }
    }

    /// Reads the next page; if it is empty, waits until there may be more.
    async fn turn_over(&mut self) -> Result<()> {
        self.wait_among_the_others();
        let (run, after) = (self.run.clone(), self.after);
        let read = move |connection: &_| log_page::read(connection, &run, after, &Size::TAIL);
        let page = self.store.query(read).await?;
        let is_other = *self.key.get_or_insert(page.key) != page.key;
        if is_other {
            self.has_ended = true;
            return Ok(());
        }
        self.has_ended = page.is_last;
        self.page = page.events.into_iter();
        if self.page.len() == 0
            && !self.has_ended
            && let Some(waiting) = &mut self.waiting
        {
            waiting.more().await;
        }
        Ok(())
    }

    /// From here on it is woken: what comes before this is seen by the query that follows.
    fn wait_among_the_others(&mut self) {
        match &mut self.waiting {
            Some(waiting) => waiting.catch_up(),
            None => {
                let parts = &self.store.parts;
                self.waiting = Some(parts.tails.join(&self.run));
                parts.writer.look();
            }
        }
    }
}
