use mainstem_core::{Result, Text};
use rmcp::model::{ReadResourceRequestParams, Resource};

use crate::{McpClient, content::resource_words, link::Link, pages::all_pages};

/// Something that a server lets be read, such as a file, as it lists it; from
/// [`McpClient::resources`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpResource {
    /// Its address, for [`McpClient::read`].
    pub uri: Text,
    /// Its name.
    pub name: Text,
    /// A name for people.
    pub title: Option<Text>,
    /// What it is.
    pub description: Option<Text>,
    /// Its type, such as `text/markdown`.
    pub media_type: Option<Text>,
    /// How long it is, in bytes.
    pub bytes: Option<u64>,
}

impl From<Resource> for McpResource {
    fn from(listed: Resource) -> Self {
        Self {
            uri: listed.uri.into(),
            name: listed.name.into(),
            title: listed.title.map(Text::from),
            description: listed.description.map(Text::from),
            media_type: listed.mime_type.map(Text::from),
            bytes: listed.size,
        }
    }
}

impl McpClient {
    /// What the server lets be read; it is asked each time.
    ///
    /// # Errors
    ///
    /// Of kind [`Tool`](mainstem_core::ErrorKind::Tool), with the code `mcp_refused`, if it offers nothing of the
    /// kind; and as its [tools](Self::tools).
    pub async fn resources(&self) -> Result<Vec<McpResource>> {
        let resources = all_pages(
            self.link(),
            "the list of its resources",
            async |server, page| {
                let page = server.list_resources(page).await?;
                Ok((page.resources, page.next_cursor))
            },
        );
        Ok(resources
            .await?
            .into_iter()
            .map(McpResource::from)
            .collect())
    }

    /// Reads a resource: its text. Of what isn't text there is a line that says so.
    ///
    /// The text is the server's, and nothing in it is a template. As context of an agent it is given by
    /// `context_fn`, between marks that can't stand in it:
    ///
    /// ```no_run
    /// # async fn notes(client: mainstem_mcp::McpClient) -> Result<(), mainstem_core::Error> {
    /// # let model = mainstem_core::test_util::ScriptedModel::new();
    /// use mainstem_agent::{Agent, ContextQuery, context_fn};
    /// use mainstem_core::function::with;
    /// use mainstem_mcp::McpClient;
    ///
    /// let notes = context_fn(
    ///     "notes",
    ///     with(client, async |client: McpClient, _: ContextQuery| {
    ///         Ok(client.read("file:///notes.md").await?)
    ///     }),
    /// );
    /// let agent = Agent::builder(model).context_from(notes).build()?;
    /// # let _ = agent;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`Tool`](mainstem_core::ErrorKind::Tool), with the code `mcp_refused`, if there is none of that
    /// address; and as the server's [tools](Self::tools).
    pub async fn read(&self, uri: impl Into<String>) -> Result<String> {
        read(self.link(), uri.into()).await
    }
}

async fn read(link: &Link, uri: String) -> Result<String> {
    let what = format!("resource `{uri}`");
    let params = ReadResourceRequestParams::new(uri);
    let read = link.ask(&what, |server| {
        let params = params.clone();
        async move { server.read_resource(params).await }
    });
    let contents = read.await?.contents;
    let texts: Vec<_> = contents.iter().map(|it| resource_words(it).0).collect();
    Ok(texts.join("\n"))
}
