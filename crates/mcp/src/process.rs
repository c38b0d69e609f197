//! The program of a server, and how it is kept from outliving us.

use std::{io, process::Stdio};

use mainstem_core::Result;
use process_wrap::tokio::{ChildWrapper, CommandWrap, CommandWrapper, KillOnDrop};
use rmcp::transport::TokioChildProcess;
use tokio::process::Command;

use crate::failure::config;

/// Starts a program. What it starts itself is in its group, and is killed along with it.
pub(crate) fn start(
    server: &str,
    command: Command,
    stderr: Option<Stdio>,
) -> Result<TokioChildProcess> {
    let program = command.as_std().get_program().to_owned();
    let mut command = CommandWrap::from(command);
    command.wrap(KillOnDrop);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    // Around the group, to kill all of it.
    command.wrap(KillAllOnDrop);
    let started = TokioChildProcess::builder(command)
        .stderr(stderr.unwrap_or_else(Stdio::inherit))
        .spawn();
    let (process, _stderr) = started.map_err(|error| {
        let message = format!(
            "MCP server `{server}` can't be started: is `{}` installed?",
            program.display()
        );
        config(message).with_source(error)
    })?;
    Ok(process)
}

/// Has a program killed that hasn't ended when its handle is dropped.
///
/// rmcp does that in a task, which never runs if the runtime is what ends.
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
