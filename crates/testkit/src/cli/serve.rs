use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use mainstem_testkit::{Reply, ScriptedServer};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Text of the answer to every request.
    #[arg(long, default_value = "Hello there")]
    text: String,
    /// How many characters of the text each chunk has.
    #[arg(long, default_value_t = 4, value_name = "CHARACTERS")]
    chunk_size: usize,
    /// Wait before each chunk but the first.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    delay_ms: u64,
    /// Re-split the body into HTTP chunks of this many bytes.
    #[arg(long, value_name = "BYTES")]
    http_chunk_size: Option<usize>,
    /// What goes wrong after half of the text: cut, end, stall, error or reset; or
    /// status:N, which answers with status N at once.
    #[arg(long)]
    fault: Option<Fault>,
    /// JSON file with a list of replies, one for each request; after the last one it
    /// starts again. See the documentation of `Reply` for the form.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "text", "chunk_size", "delay_ms", "http_chunk_size", "fault",
    ])]
    script: Option<PathBuf>,
    /// Answer with a fixture: a stream as a real server sends it. The command
    /// `fixtures` lists their names.
    #[arg(long, value_name = "NAME", conflicts_with_all = [
        "text", "chunk_size", "fault", "script",
    ])]
    fixture: Option<String>,
    /// Answer requests and schemas too that OpenAI refuses.
    #[arg(long)]
    lenient: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Cut,
    End,
    Stall,
    Error,
    Reset,
    Status(u16),
}

impl FromStr for Fault {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "cut" => Self::Cut,
            "end" => Self::End,
            "stall" => Self::Stall,
            "error" => Self::Error,
            "reset" => Self::Reset,
            _ => {
                let status = text
                    .strip_prefix("status:")
                    .and_then(|status| status.parse().ok());
                let known = status.filter(|status| (200..600).contains(status));
                Self::Status(known.ok_or("one of cut, end, stall, error, reset, status:N")?)
            }
        })
    }
}

impl Serve {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        let server = ScriptedServer::builder()
            .listen(self.listen)
            .strict_schemas(!self.lenient)
            .validate_requests(!self.lenient)
            .start()
            .await?;
        match &self.script {
            Some(path) => cycle(&server, read_script(path)?)?,
            None => server.fallback(self.reply()?),
        }
        super::show(&server.base_url())?;
        tokio::signal::ctrl_c().await?;
        Ok(())
    }

    fn reply(&self) -> Result<Reply, String> {
        let mut reply = match &self.fixture {
            Some(name) => super::fixture(name)?.reply(),
            None => self.answer(),
        };
        if self.delay_ms > 0 {
            reply = reply.every(Duration::from_millis(self.delay_ms));
        }
        Ok(match self.http_chunk_size {
            Some(size) => reply.chunk_size(size),
            None => reply,
        })
    }

    fn answer(&self) -> Reply {
        if let Some(Fault::Status(status)) = self.fault {
            return Reply::error_status(status, "scripted");
        }
        let chunks = split(&self.text, self.chunk_size.max(1));
        let shown = if self.fault.is_some() {
            chunks.len() / 2
        } else {
            chunks.len()
        };
        let mut reply = Reply::stream().role();
        for chunk in &chunks[..shown] {
            reply = reply.content(chunk);
        }
        match self.fault {
            Some(Fault::Cut) => reply.cut(),
            Some(Fault::End) => reply.end(),
            Some(Fault::Stall) => reply.stall(),
            Some(Fault::Error) => reply.error("scripted"),
            Some(Fault::Reset) => reply.reset(),
            Some(Fault::Status(_)) | None => {
                reply.finish("stop").usage(3, chunks.len() as u64).done()
            }
        }
    }
}

/// Splits a text into pieces of this many characters.
fn split(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters
        .chunks(size)
        .map(|piece| piece.iter().collect())
        .collect()
}

fn read_script(path: &Path) -> Result<Vec<Reply>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| format!("{} is not a list of replies: {error}", path.display()).into())
}

/// Answers with the replies in turn, again and again.
fn cycle(server: &ScriptedServer, replies: Vec<Reply>) -> Result<(), &'static str> {
    if replies.is_empty() {
        return Err("the script has no replies");
    }
    let next = AtomicUsize::new(0);
    server.respond_with(move |_| {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        replies[turn % replies.len()].clone()
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        assert_eq!("cut".parse(), Ok(Fault::Cut));
        assert_eq!("status:429".parse(), Ok(Fault::Status(429)));
        assert!("status:42".parse::<Fault>().is_err());
        assert!("sulk".parse::<Fault>().is_err());
    }

    #[test]
    fn text_is_split_by_characters() {
        assert_eq!(split("höllo", 2), ["hö", "ll", "o"]);
    }
}
