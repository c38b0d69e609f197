//! An agent with the tools of an MCP server: `-- npx -y @modelcontextprotocol/server-everything`, or any other
//! program. Without arguments it starts itself as one, which knows about birds.
use std::{io::Write, time::Duration};

use mainstem::{mcp::McpServer, prelude::*};
use rmcp::{
    ServiceExt, handler::server::wrapper::Parameters, schemars, tool, tool_router, transport::stdio,
};

/// The server; it is written with the protocol's own crate.
struct Birds;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Bird {
    /// Its name, in English.
    name: String,
}

#[tool_router(server_handler)]
impl Birds {
    #[tool(description = "Tells how long the wings of a bird are.")]
    fn wingspan(&self, Parameters(bird): Parameters<Bird>) -> String {
        format!("{}: {} cm", bird.name, 20 + 7 * bird.name.len())
    }
}

fn server(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<McpServer> {
    Ok(match arguments.next() {
        Some(program) => McpServer::stdio(program).args(arguments),
        None => McpServer::stdio(std::env::current_exe()?)
            .args(["serve"])
            .name("birds"),
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = std::env::args().skip(1);
    if std::env::args().nth(1).as_deref() == Some("serve") {
        Birds.serve(stdio()).await?.waiting().await?;
        return Ok(());
    }
    let client = server(arguments)?.connect().await?;
    let tools = client.tools().time_limit(Duration::from_secs(30)).await?;
    for tool in &tools {
        println!("{}: {}", tool.spec().name, tool.spec().description);
    }

    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model)
        .instructions("Use your tools, then sum up what they say.")
        .tools(tools)
        .build()?;
    let mut run = agent.run_streamed("What is the wingspan of a Jay?");
    while let Some(event) = run.next_event().await {
        match &event.kind {
            EventKind::ToolCallReady(call) => {
                println!("[{} {}]", call.name, call.arguments.as_str());
            }
            EventKind::ToolResult(result) => match (&result.output, &result.error) {
                (Some(output), _) => println!("[= {}]", output.as_str()),
                (None, Some(error)) => println!("[! {}]", error.message),
                _ => {}
            },
            EventKind::TextDelta(delta) => print!("{}", delta.text),
            _ => {}
        }
        std::io::stdout().flush()?;
    }
    println!();
    client.close().await;
    Ok(())
}
