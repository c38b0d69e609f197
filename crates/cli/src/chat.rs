//! `mainstem chat`.

use std::{path::Path, time::Duration};

use futures::StreamExt as _;
use mainstem::{
    Agent, AgentBuilder, Context, Error, ErrorKind, Model, ModelSettings, Run, RunStream,
    StopHandle,
};
use serde::Serialize;
use tokio::signal::ctrl_c;

use crate::{
    args::{Chat, ChatFlags},
    exit::{Exit, Failure},
    model, notes,
    print::Printer,
    prompt::{self, Prompt},
};

/// Answers what the command line asks.
pub(crate) async fn run(chat: Chat) -> Result<Exit, Failure> {
    let model = model::choose(&chat.flags)?;
    let talk = Talk {
        printer: Printer::new(model.id(), chat.flags.events),
        timeout: chat.flags.timeout,
    };
    let agent = builder(model, &chat.flags);
    match &chat.flags.json_schema {
        None => talk.start(&agent.build()?, chat.prompt).await,
        Some(file) => {
            let agent = agent.output_schema(read_schema(file)?).build()?;
            talk.start(&agent, chat.prompt).await
        }
    }
}

fn builder(model: impl Model, flags: &ChatFlags) -> AgentBuilder {
    let mut settings = ModelSettings::new();
    settings.temperature = flags.temperature;
    settings.max_output_tokens = flags.max_tokens;
    let agent = Agent::builder(model).settings(settings);
    match &flags.system {
        Some(system) => agent.instructions(system),
        None => agent,
    }
}

fn read_schema(file: &Path) -> Result<serde_json::Value, Error> {
    let error = |what: &str| {
        let message = format!("the JSON schema in {} {what}", file.display());
        Error::new(ErrorKind::Config, message)
    };
    let bytes = std::fs::read(file).map_err(|cause| error("can't be read").with_source(cause))?;
    serde_json::from_slice(&bytes).map_err(|cause| error("isn't JSON").with_source(cause))
}

/// What all answers have in common.
struct Talk {
    printer: Printer,
    timeout: Option<Duration>,
}

impl Talk {
    async fn start<T>(mut self, agent: &Agent<T>, prompt: Option<String>) -> Result<Exit, Failure>
    where
        T: Serialize + Send + 'static,
    {
        match prompt::read(prompt)? {
            Prompt::Once(prompt) => self.answer(agent.run(prompt)).await?,
            Prompt::Lines => return self.converse(agent).await,
        }
        Ok(Exit::Finished)
    }

    /// Answers lines in one conversation; a failed answer doesn't end it.
    async fn converse<T>(&mut self, agent: &Agent<T>) -> Result<Exit, Failure>
    where
        T: Serialize + Send + 'static,
    {
        let context = Context::new();
        loop {
            notes::ask();
            let line = tokio::select! {
                line = prompt::next_line() => line?,
                _ = ctrl_c() => {
                    notes::end_line();
                    return Ok(Exit::Stopped);
                }
            };
            let line = match line.as_deref() {
                Some("") => continue,
                Some("/quit") => return Ok(Exit::Finished),
                Some(line) => line,
                None => {
                    notes::end_line();
                    return Ok(Exit::Finished);
                }
            };
            match self.answer(agent.run(line).context(&context)).await {
                Err(Failure::Run(error)) => notes::failure(&error),
                other => other?,
            }
        }
    }

    /// Prints the answer of a run. Ctrl-C stops it; the second Ctrl-C doesn't wait for its end,
    /// which a reader of stdout that has gone to sleep would keep from coming.
    async fn answer<T>(&mut self, run: Run<T>) -> Result<(), Failure>
    where
        T: Serialize + Send + 'static,
    {
        let run = match self.timeout {
            Some(limit) => run.wall_clock_limit(limit),
            None => run,
        };
        let run = run.stream();
        let stop = run.stop_handle();
        self.printer.begin();
        tokio::select! {
            // First, so that Ctrl-C is listened to before there is anything to stop.
            biased;
            () = interrupted(stop) => {
                self.printer.give_up();
                Err(Failure::Interrupted)
            }
            ended = show(run, &mut self.printer) => ended,
        }
    }
}

async fn show<T>(mut run: RunStream<T>, printer: &mut Printer) -> Result<(), Failure>
where
    T: Serialize + Send + 'static,
{
    while let Some(event) = run.next().await {
        printer.show(&event).await.map_err(Failure::Output)?;
    }
    let ended = run.await;
    let partial = ended.as_ref().err().and_then(Error::partial);
    printer.end(partial).await.map_err(Failure::Output)?;
    ended?;
    Ok(())
}

/// Stops the run at the first Ctrl-C, and is done at the second.
async fn interrupted(stop: StopHandle) {
    // Where signals can't be had, Ctrl-C ends the program as it always does.
    if ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    stop.stop();
    let _ = ctrl_c().await;
}
