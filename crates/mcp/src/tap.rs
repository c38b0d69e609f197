//! What goes over a transport, seen on its way.

use std::{borrow::Cow, sync::Arc};

use rmcp::{
    RoleClient,
    model::{ClientRequest, GetMeta as _, JsonRpcMessage, ServerNotification},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};

use crate::{
    feed::{FeedRef, Feeds},
    log,
};

/// A transport whose progress and log messages go to the calls they belong to.
///
/// rmcp handles each notification in a task of its own: two of them may come out in the wrong order,
/// and the last one after the result. Here they are in the order of the wire. It also keeps what they
/// say out of rmcp's log.
pub(crate) struct Tapped<T> {
    transport: T,
    feeds: Arc<Feeds>,
}

impl<T> Tapped<T> {
    pub(crate) fn new(transport: T, feeds: Arc<Feeds>) -> Self {
        Self { transport, feeds }
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
            self.feeds.open(token, feed);
        }
        self.transport.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let message = self.transport.receive().await?;
            let JsonRpcMessage::Notification(said) = message else {
                return Some(message);
            };
            match said.notification {
                ServerNotification::ProgressNotification(progress) => {
                    self.feeds.progress(progress.params);
                }
                ServerNotification::LoggingMessageNotification(said) => {
                    let (level, text) = log::read(said.params);
                    self.feeds.log(level, text);
                }
                notification => {
                    if matches!(
                        notification,
                        ServerNotification::ToolListChangedNotification(_)
                    ) {
                        self.feeds.tools_changed();
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
