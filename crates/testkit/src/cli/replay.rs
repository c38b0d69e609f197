use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mainstem_testkit::{Matching, Recording};

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// File that `record` wrote.
    file: PathBuf,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Which exchange answers a request.
    #[arg(long = "match", value_enum, default_value_t = Match::InOrder)]
    matching: Match,
    /// Let answers take the time that they took.
    #[arg(long)]
    paced: bool,
    /// Begin anew once nothing is left.
    #[arg(long)]
    repeat: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Match {
    /// The next one, if method, path and body are the same.
    InOrder,
    /// The first one left with the same method, path and body.
    ByBody,
    /// The next one, if method and path are the same.
    AnyBody,
}

impl Replay {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        let recording = Recording::read(&self.file)?;
        let replay = mainstem_testkit::Replay::of(recording)
            .matching(match self.matching {
                Match::InOrder => Matching::InOrder,
                Match::ByBody => Matching::ByBody,
                Match::AnyBody => Matching::AnyBody,
            })
            .paced(self.paced)
            .repeated(self.repeat)
            .listen(self.listen)
            .start()
            .await?;
        super::show(&replay.base_url())?;
        tokio::signal::ctrl_c().await?;
        for mismatch in replay.mismatches() {
            writeln!(std::io::stderr(), "{mismatch}")?;
        }
        Ok(())
    }
}
