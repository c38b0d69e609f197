//! The program of a server, and how it is kept from outliving us.

use std::{io, process::Stdio, time::Duration};

use mainstem_core::Result;
use process_wrap::tokio::{ChildWrapper, CommandWrap, CommandWrapper, KillOnDrop};
use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::failure::config;

/// How long a program has to end, after its input was closed, and again after it was told to.
const PATIENCE: Duration = Duration::from_secs(3);

/// Makes a command ready to be started, as often as that is needed. What it starts itself is in its
/// group, and is killed along with it.
pub(crate) fn prepare(mut command: Command) -> CommandWrap {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut command = CommandWrap::from(command);
    command.wrap(KillOnDrop);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    // Around the group, to kill all of it.
    command.wrap(KillAllOnDrop);
    command
}

/// A program that is under way, spoken to by its standard input and output.
pub(crate) struct Process {
    /// None, once it has ended.
    child: Option<Box<dyn ChildWrapper>>,
    lines: AsyncRwTransport<RoleClient, ChildStdout, ChildStdin>,
}

impl Process {
    pub(crate) fn start(server: &str, command: &mut CommandWrap) -> Result<Self> {
        Self::spawn(command).map_err(|error| {
            let program = command.command().as_std().get_program();
            let message = format!(
                "MCP server `{server}` can't be started: is `{}` installed?",
                program.display()
            );
            config(message).with_source(error)
        })
    }

    fn spawn(command: &mut CommandWrap) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin().take(), child.stdout().take()) else {
            return Err(io::Error::other("its input and output are no pipes"));
        };
        Ok(Self {
            child: Some(child),
            lines: AsyncRwTransport::new(output, input),
        })
    }

    /// Closes its input; if it doesn't end by that, tells it to, and then kills it.
    ///
    /// Until it has ended it stays here: if this is dropped, it is killed.
    async fn end(&mut self) -> io::Result<()> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        self.lines.close().await?;
        if !(ends(&mut **child).await || is_told(&**child) && ends(&mut **child).await) {
            Box::into_pin(child.kill()).await?;
        }
        self.child = None;
        Ok(())
    }
}

/// Whether it ends in time.
async fn ends(child: &mut dyn ChildWrapper) -> bool {
    tokio::time::timeout(PATIENCE, child.wait()).await.is_ok()
}

/// Tells it to end, where there is a way to.
#[cfg(unix)]
fn is_told(child: &dyn ChildWrapper) -> bool {
    let terminate = tokio::signal::unix::SignalKind::terminate();
    child.signal(terminate.as_raw_value()).is_ok()
}

#[cfg(not(unix))]
fn is_told(_child: &dyn ChildWrapper) -> bool {
    false
}

impl Transport<RoleClient> for Process {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.lines.send(message)
    }

    fn receive(&mut self) -> impl Future<Output = Option<RxJsonRpcMessage<RoleClient>>> + Send {
        self.lines.receive()
    }

    async fn close(&mut self) -> io::Result<()> {
        self.end().await
    }
}

/// Has a program killed that hasn't ended when its handle is dropped: the connection's task may never
/// end it, if the runtime is what ends.
#[derive(Debug)]
struct KillAllOnDrop;

impl CommandWrapper for KillAllOnDrop {
    fn wrap_child(
        &mut self,
        child: Box<dyn ChildWrapper>,
        _command: &CommandWrap,
    ) -> io::Result<Box<dyn ChildWrapper>> {
        Ok(Box::new(Started(Some(child))))
    }
}

/// A program that was started; none, once it is somebody else's.
#[derive(Debug)]
struct Started(Option<Box<dyn ChildWrapper>>);

impl ChildWrapper for Started {
    fn inner(&self) -> &dyn ChildWrapper {
        match &self.0 {
            Some(child) => &**child,
            None => unreachable!("it is taken by value alone"),
        }
    }

    fn inner_mut(&mut self) -> &mut dyn ChildWrapper {
        match &mut self.0 {
            Some(child) => &mut **child,
            None => unreachable!("it is taken by value alone"),
        }
    }

    fn into_inner(mut self: Box<Self>) -> Box<dyn ChildWrapper> {
        match self.0.take() {
            Some(child) => child,
            None => unreachable!("it is taken by value alone"),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // The number of one that has ended may be that of another program by now.
        if let Some(child) = &mut self.0
            && matches!(child.try_wait(), Ok(None))
        {
            let _ = child.start_kill();
        }
    }
}
