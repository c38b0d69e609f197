use mainstem_core::{MediaPart, MediaSource, Message, Part, Result, Role, Text};
use rmcp::model::{ContentBlock, GetPromptRequestParams, JsonObject, Prompt, PromptMessage};

use crate::{McpClient, content::words, pages::all_pages};

/// A beginning of a conversation that a server has ready, as it lists it; from [`McpClient::prompts`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpPrompt {
    /// Its name, for [`McpClient::prompt`].
    pub name: Text,
    /// A name for people.
    pub title: Option<Text>,
    /// What it is for.
    pub description: Option<Text>,
    /// What can be put into it.
    pub arguments: Vec<McpPromptArgument>,
}

/// Something that can be put into an [`McpPrompt`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpPromptArgument {
    /// Its name.
    pub name: Text,
    /// What it is.
    pub description: Option<Text>,
    /// Whether the prompt can't do without it.
    pub is_required: bool,
}

impl From<Prompt> for McpPrompt {
    fn from(listed: Prompt) -> Self {
        let arguments = listed.arguments.unwrap_or_default().into_iter();
        Self {
            name: listed.name.into(),
            title: listed.title.map(Text::from),
            description: listed.description.map(Text::from),
            arguments: arguments
                .map(|argument| McpPromptArgument {
                    name: argument.name.into(),
                    description: argument.description.map(Text::from),
                    is_required: argument.required == Some(true),
                })
                .collect(),
        }
    }
}

impl McpClient {
    /// The conversations that the server has ready; it is asked each time.
    ///
    /// # Errors
    ///
    /// Of kind [`Tool`](mainstem_core::ErrorKind::Tool), with the code `mcp_refused`, if it offers nothing of the
    /// kind; and as its [tools](Self::tools).
    pub async fn prompts(&self) -> Result<Vec<McpPrompt>> {
        let prompts = all_pages(
            self.link(),
            "the list of its prompts",
            async |server, page| {
                let page = server.list_prompts(page).await?;
                Ok((page.prompts, page.next_cursor))
            },
        );
        Ok(prompts.await?.into_iter().map(McpPrompt::from).collect())
    }

    /// One of them, with these arguments, as messages: for a [`Context`](mainstem_core::Context), or, if it is a
    /// single one of the user, for a run.
    ///
    /// The arguments are put in by the server; what it gives is text, and no template of ours.
    ///
    /// ```no_run
    /// # async fn review(client: mainstem_mcp::McpClient) -> Result<(), mainstem_core::Error> {
    /// # let model = mainstem_core::test_util::ScriptedModel::new();
    /// use mainstem_agent::Agent;
    ///
    /// let messages = client.prompt("review", [("language", "Rust")]).await?;
    /// let agent = Agent::builder(model).build()?;
    /// println!("{}", agent.run(messages[0].text()).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`Tool`](mainstem_core::ErrorKind::Tool), with the code `mcp_refused`, if there is none of that
    /// name, or its arguments are others; and as the server's [tools](Self::tools).
    pub async fn prompt<K, V>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Vec<Message>>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let arguments = arguments.into_iter();
        let arguments: JsonObject = arguments
            .map(|(name, value)| (name.into(), value.into().into()))
            .collect();
        let params = GetPromptRequestParams::new(name).with_arguments(arguments);
        let what = format!("prompt `{name}`");
        let given = self.link().ask(&what, |server| {
            let params = params.clone();
            async move { server.get_prompt(params).await }
        });
        Ok(given.await?.messages.iter().map(message).collect())
    }
}

fn message(said: &PromptMessage) -> Message {
    let role = match said.role {
        rmcp::model::Role::User => Role::User,
        rmcp::model::Role::Assistant => Role::Assistant,
    };
    Message::new(role, [part(&said.content)])
}

/// What a model can see or hear as that, and all else in words.
fn part(content: &ContentBlock) -> Part {
    let media =
        |data: &str, kind: &str| MediaPart::new(MediaSource::Base64(data.into())).media_type(kind);
    match content {
        ContentBlock::Image(image) => Part::Image(media(&image.data, &image.mime_type)),
        ContentBlock::Audio(audio) => Part::Audio(media(&audio.data, &audio.mime_type)),
        content => Part::text(words(content).0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(message: serde_json::Value) -> Message {
        super::message(&serde_json::from_value(message).unwrap())
    }

    #[test]
    fn messages_have_their_roles_and_their_parts() {
        let said = json!({"role": "assistant", "content": {"type": "text", "text": "{{Hi}}"}});
        assert_eq!(of(said), Message::assistant("{{Hi}}"));
        let seen = json!({
            "role": "user",
            "content": {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        });
        let image = MediaPart::new(MediaSource::Base64("AAAA".into())).media_type("image/png");
        assert_eq!(of(seen), Message::new(Role::User, [Part::Image(image)]));
        let read = json!({
            "role": "user",
            "content": {"type": "resource", "resource": {"uri": "file:///a", "text": "A"}},
        });
        assert_eq!(of(read), Message::user("[file:///a]\nA"));
    }
}
