//! `mainstem chat`.

mod commands;
mod editor;
mod history;
mod save;
mod schema;
mod session;

use std::sync::Arc;

use futures::{FutureExt as _, StreamExt as _};
use mainstem::{Agent, AgentBuilder, Context, Error, ModelSettings, Run, RunStream};
use schema::Schema;
use serde::Serialize;
use session::Session;

use crate::{
    args::{Chat, ChatFlags},
    exit::{Exit, Failure},
    interrupt::interrupted,
    model::{self, Chosen},
    print::{Look, Printer},
    prompt::{self, Prompt},
};

/// How many events are shown at once, if they are there at once.
const BATCH: usize = 64;

/// Answers what the command line asks.
pub(crate) async fn run(chat: Chat) -> Result<Exit, Failure> {
    let prompt = chat.prompt();
    let mut talk = Talk::new(chat.flags)?;
    match prompt::read(prompt)? {
        Prompt::Once(prompt) => talk.ask(prompt, None).await?,
        Prompt::Lines => return Session::new(talk).run().await,
    }
    Ok(Exit::Finished)
}

/// What is needed for an answer.
struct Talk {
    flags: ChatFlags,
    chosen: Chosen,
    schema: Option<Schema>,
    printer: Printer,
}

impl Talk {
    fn new(flags: ChatFlags) -> Result<Self, Error> {
        let chosen = model::choose(&flags.answers)?;
        let look = Look {
            events: flags.events,
            plain: flags.plain,
        };
        let schema = flags.json_schema.as_deref().map(Schema::read).transpose()?;
        let talk = Self {
            printer: Printer::new(chosen.model.id(), look),
            flags,
            chosen,
            schema,
        };
        if let Some(schema) = &talk.schema {
            schema.typed(talk.agent())?;
        }
        Ok(talk)
    }

    /// Changes the model; after an error it is the one from before.
    fn change_model(&mut self, name: &str) -> Result<(), Error> {
        let mut flags = self.flags.clone();
        flags.answers.model = Some(name.to_owned());
        if model::is_address(name) {
            flags.answers.base_url = None;
        }
        self.chosen = model::choose(&flags.answers)?;
        self.chosen.reason = "/model";
        self.flags = flags;
        self.printer.rename(self.chosen.model.id());
        Ok(())
    }

    fn agent(&self) -> AgentBuilder {
        let mut settings = ModelSettings::new();
        settings.temperature = self.flags.temperature;
        settings.max_output_tokens = self.flags.max_tokens;
        let agent = Agent::builder(Arc::clone(&self.chosen.model)).settings(settings);
        match &self.flags.system {
            Some(system) => agent.instructions(system),
            None => agent,
        }
    }

    /// Answers a question, in a conversation if there is one.
    async fn ask(&mut self, prompt: String, context: Option<&Context>) -> Result<(), Failure> {
        let agent = self.agent();
        match &self.schema {
            None => self.answer(agent.build()?.run(prompt), context).await,
            Some(schema) => {
                let agent = schema.typed(agent)?;
                self.answer(agent.run(prompt), context).await
            }
        }
    }

    /// Prints the answer of a run. Ctrl-C stops it; the second Ctrl-C doesn't wait for its end,
    /// which a reader of stdout that has gone to sleep would keep from coming.
    async fn answer<T>(&mut self, run: Run<T>, context: Option<&Context>) -> Result<(), Failure>
    where
        T: Serialize + Send + 'static,
    {
        let run = match self.flags.timeout {
            Some(limit) => run.wall_clock_limit(limit),
            None => run,
        };
        let run = match context {
            Some(context) => run.context(context),
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
    let mut batch = 0;
    loop {
        let ready = if batch < BATCH {
            run.next().now_or_never()
        } else {
            None
        };
        let event = match ready {
            Some(event) => {
                batch += 1;
                event
            }
            None => {
                batch = 0;
                printer.flush().await.map_err(Failure::Output)?;
                run.next().await
            }
        };
        match event {
            Some(event) => printer.show(&event).await.map_err(Failure::Output)?,
            None => break,
        }
    }
    let ended = run.await;
    let partial = ended.as_ref().err().and_then(Error::partial);
    printer.end(partial).await.map_err(Failure::Output)?;
    ended?;
    Ok(())
}
