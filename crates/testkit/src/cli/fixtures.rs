use std::error::Error;
use std::io::Write as _;

use clap::Args;
use mainstem_testkit::Fixture;

#[derive(Debug, Args)]
pub(crate) struct Fixtures {
    /// Write the body of this one instead, as it is streamed.
    name: Option<String>,
}

impl Fixtures {
    pub(crate) fn run(self) -> Result<(), Box<dyn Error>> {
        if let Some(name) = self.name {
            let fixture = super::fixture(&name)?;
            std::io::stdout().write_all(fixture.body())?;
            return Ok(());
        }
        let all = Fixture::all();
        let width = |of: fn(&Fixture) -> &str| all.iter().map(|one| of(one).len()).max();
        let (names, servers) = (width(Fixture::name), width(Fixture::server));
        let (names, servers) = (names.unwrap_or(0), servers.unwrap_or(0));
        for one in &all {
            let (name, server, about) = (one.name(), one.server(), one.about());
            let wire = one.wire().name();
            super::show(&format!(
                "{name:names$}  {wire:9}  {server:servers$}  {about}"
            ))?;
        }
        Ok(())
    }
}
