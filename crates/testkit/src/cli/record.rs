use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// Base URL of the real server, such as `https://api.openai.com/v1`.
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// File to write; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Environment variable with a further secret, to be taken out wherever it stands.
    /// Keys and cookies of the requests are taken out anyway. Can be given again.
    #[arg(long, value_name = "NAME")]
    secret_env: Vec<String>,
    /// JSON field or query parameter whose values are taken out. Can be given again.
    #[arg(long, value_name = "NAME")]
    remove_field: Vec<String>,
    /// Header to keep; only a few harmless ones are kept otherwise. Can be given again.
    #[arg(long, value_name = "NAME")]
    keep_header: Vec<String>,
}

#[cfg(not(feature = "record"))]
impl Record {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        std::future::ready(Err(
            "this program was built without recording; install it with \
             `cargo install mainstem-testkit --features record`"
                .into(),
        ))
        .await
    }
}

#[cfg(feature = "record")]
impl Record {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        use std::io::Write as _;

        use mainstem_testkit::Recorder;

        let recorder = Recorder::to(&self.upstream)
            .secrets(self.secrets()?)
            .listen(self.listen)
            .start(&self.out)
            .await
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    let out = self.out.display();
                    format!("{out} is there already; give another name, or delete it")
                }
                _ => error.to_string(),
            })?;
        super::show(&recorder.base_url())?;
        tokio::signal::ctrl_c().await?;
        let count = recorder.finish().await?;
        let out = self.out.display();
        let one = if count == 1 { "exchange" } else { "exchanges" };
        writeln!(
            std::io::stderr(),
            "{count} {one} in {out}; look at it before you share it"
        )?;
        Ok(())
    }

    fn secrets(&self) -> Result<mainstem_testkit::Secrets, String> {
        let mut secrets = mainstem_testkit::Secrets::new();
        for name in &self.secret_env {
            let value = std::env::var(name);
            let value = value.map_err(|_| format!("there is no environment variable {name}"))?;
            secrets = secrets.value(value);
        }
        let fields = self.remove_field.iter();
        secrets = fields.fold(secrets, |secrets, name| secrets.field(name));
        let headers = self.keep_header.iter();
        Ok(headers.fold(secrets, |secrets, name| secrets.keep_header(name)))
    }
}
