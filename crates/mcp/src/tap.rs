//! What goes over a transport, seen on its way.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rmcp::{
    RoleClient,
    model::{ClientRequest, GetMeta as _, JsonRpcMessage, ServerNotification},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};

use crate::{
    feed::{FeedRef, Feeds},
    log,
    offer::Offer,
};

/// What is noticed of a connection while its messages pass.
pub(crate) struct Seen {
    pub(crate) feeds: Feeds,
    offer: Arc<Offer>,
    lost: AtomicBool,
}

impl Seen {
    pub(crate) fn new(feeds: Feeds, offer: Arc<Offer>) -> Arc<Self> {
        Arc::new(Self {
            feeds,
            offer,
            lost: AtomicBool::new(false),
        })
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn is_lost_now(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }
}

/// A transport whose progress and log messages go to the calls they belong to.
///
/// rmcp handles each notification in a task of its own: two of them may come out in the wrong order,
/// and the last one after the result. Here they are in the order of the wire. It also keeps what they
/// say out of rmcp's log.
pub(crate) struct Tapped<T> {
    transport: T,
    seen: Arc<Seen>,
}

impl<T> Tapped<T> {
    pub(crate) fn new(transport: T, seen: Arc<Seen>) -> Self {
        Self { transport, seen }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Tapped<T> {
    type Error = T::Error;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        if let JsonRpcMessage::Request(message) = &message
            && let ClientRequest::CallToolRequest(call) = &message.request
            && let Some(feed) = call.extensions.get::<FeedRef>()
            && let Some(token) = message.request.get_meta().get_progress_token()
        {
            self.seen.feeds.open(token, feed);
        }
        self.transport.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let Some(message) = self.transport.receive().await else {
                self.seen.is_lost_now();
                return None;
            };
            let JsonRpcMessage::Notification(said) = message else {
                return Some(message);
            };
            match said.notification {
                ServerNotification::ProgressNotification(progress) => {
                    self.seen.feeds.progress(progress.params);
                }
                ServerNotification::LoggingMessageNotification(said) => {
                    let (level, text) = log::read(said.params);
                    self.seen.feeds.log(level, text);
                }
                notification => {
                    if matches!(
                        notification,
                        ServerNotification::ToolListChangedNotification(_)
                    ) {
                        self.seen.offer.changes();
                    }
                    return Some(JsonRpcMessage::notification(notification));
                }
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.transport.close()
    }
}
