//! What a client and its tools share: a server, and the connection to it that there is now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mainstem_core::{Result, Text};
use rmcp::{
    RoleClient,
    service::{Peer, ServiceError},
};
use tokio::time::Instant;

use crate::{
    LogLevel,
    connection::{Connection, Manner},
    failure::{closed, failed, is_forgotten, is_gone, too_often},
    feed::Feeds,
    offer::Offer,
    pace::Pace,
    tap::Seen,
    way::Way,
};

pub(crate) struct Link {
    manner: Arc<Manner>,
    /// Which tools the server has.
    pub(crate) offer: Arc<Offer>,
    /// None, once it is closed for good.
    current: Mutex<Option<Arc<Connection>>>,
    /// Held by who makes a connection; the others wait for that one.
    opener: tokio::sync::Mutex<Opener>,
}

pub(crate) struct Opener {
    pub(crate) way: Way,
    pub(crate) manner: Arc<Manner>,
    pub(crate) logs: Option<LogLevel>,
    pub(crate) pace: Pace,
}

/// A connection, and whether it was made again just now.
pub(crate) struct Reached {
    pub(crate) connection: Arc<Connection>,
    pub(crate) is_new: bool,
}

impl Opener {
    async fn open(&mut self, offer: &Arc<Offer>) -> Result<Arc<Connection>> {
        let seen = Seen::new(Feeds::new(self.logs), Arc::clone(offer));
        // A transport is large, with its buffers.
        let opened = Box::pin(self.way.open(&self.manner, seen)).await?;
        Ok(Arc::new(opened))
    }
}

impl Link {
    /// Makes the first connection.
    pub(crate) async fn open(mut opener: Opener) -> Result<Self> {
        let offer = Arc::default();
        let first = opener.open(&offer).await?;
        Ok(Self {
            manner: Arc::clone(&opener.manner),
            offer,
            current: Mutex::new(Some(first)),
            opener: tokio::sync::Mutex::new(opener),
        })
    }

    pub(crate) fn server(&self) -> &Text {
        &self.manner.server
    }

    /// The connection that there is; if it was lost, another one.
    pub(crate) async fn reach(&self) -> Result<Reached> {
        if let Some(reached) = self.live()? {
            return Ok(reached);
        }
        let mut opener = self.opener.lock().await;
        if let Some(reached) = self.live()? {
            return Ok(reached);
        }
        let again = opener.pace.again(Instant::now());
        again.map_err(|wait| too_often(self.server(), wait))?;
        let connection = opener.open(&self.offer).await?;
        self.offer.is_out_of_date();
        let mut current = self.lock();
        match &mut *current {
            Some(current) => *current = Arc::clone(&connection),
            None => return Err(closed(self.server())),
        }
        Ok(Reached {
            connection,
            is_new: true,
        })
    }

    fn live(&self) -> Result<Option<Reached>> {
        let current = self.lock();
        let Some(connection) = current.as_ref() else {
            return Err(closed(self.server()));
        };
        Ok((!connection.is_lost()).then(|| Reached {
            connection: Arc::clone(connection),
            is_new: false,
        }))
    }

    /// Asks for what is no call. If the server has forgotten the session it hasn't looked at what was
    /// asked, and is asked again, once.
    pub(crate) async fn ask<T, F>(
        &self,
        what: &str,
        request: impl Fn(Peer<RoleClient>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let mut answer = self.ask_once(what, &request).await?;
        if answer.as_ref().is_err_and(is_forgotten) {
            answer = self.ask_once(what, &request).await?;
        }
        answer.map_err(|error| self.failed(what, error))
    }

    async fn ask_once<T, F>(
        &self,
        what: &str,
        request: &impl Fn(Peer<RoleClient>) -> F,
    ) -> Result<Result<T, ServiceError>>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let connection = self.reach().await?.connection;
        // rmcp's requests are large.
        let request = Box::pin(request(connection.peer.clone()));
        let answer = self.manner.in_time(what, request).await?;
        if let Err(error) = &answer {
            self.notice(&connection, error);
        }
        Ok(answer)
    }

    /// Finds a connection lost, if that is what an error says.
    pub(crate) fn notice(&self, connection: &Connection, error: &ServiceError) {
        if is_gone(error) || is_forgotten(error) {
            connection.seen.is_lost_now();
        }
    }

    /// What was asked for wasn't given.
    pub(crate) fn failed(&self, what: &str, error: ServiceError) -> mainstem_core::Error {
        let is_made_again = is_gone(&error) && !self.is_closed();
        let failed = failed(self.server(), what, error);
        match is_made_again {
            true => failed.with_note("it is connected to again when it is needed next"),
            false => failed,
        }
    }

    /// Whether it was closed for good.
    fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    /// Whether there is no connection now.
    pub(crate) fn is_lost(&self) -> bool {
        self.lock()
            .as_ref()
            .is_none_or(|connection| connection.is_lost())
    }

    /// Closes it for good.
    pub(crate) async fn close(&self) {
        let current = self.lock().take();
        if let Some(connection) = current {
            connection.close().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
