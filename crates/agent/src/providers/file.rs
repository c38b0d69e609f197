use std::{
    fs::File,
    io::{ErrorKind as IoKind, Read as _},
    path::{Component, Path, PathBuf},
};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, RunContext, StepResult, Text};

use super::{ContextBlock, ContextProvider, ContextQuery, blocking::blocking};

/// The most bytes of a file, unless it is told.
const MAX_BYTES: u64 = 256 * 1024;

/// Gives an agent a file to read, as it is when the run begins.
///
/// It must be text in UTF-8, of 256 KiB at most by default. A file that isn't there, is longer, or isn't text
/// fails the run, with an error that names it. It is read on a thread for what blocks, not on that of the
/// run's reader.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use mainstem_core::test_util::ScriptedModel;
/// # let model = ScriptedModel::new().answer(["Acorns."]);
/// # let dir = std::env::temp_dir().join(format!("mainstem-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # std::fs::write(dir.join("jays.txt"), "Jays hide acorns.")?;
/// use mainstem_agent::{Agent, FileContext};
///
/// let notes = FileContext::new("jays.txt").root(&dir).max_bytes(10_000);
/// let agent = Agent::builder(model.clone()).context_from(notes).build()?;
/// agent.run("What do jays hide?").await?;
/// assert!(model.requests()[0].messages[0].text().contains("Jays hide acorns."));
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileContext {
    path: PathBuf,
    name: Text,
    root: Option<PathBuf>,
    max_bytes: u64,
}

impl FileContext {
    /// A file by its path; its name for the model is the path, too.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: path.display().to_string().into(),
            path,
            root: None,
            max_bytes: MAX_BYTES,
        }
    }

    /// What it is called, instead of its path: for the model, and in errors.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }

    /// The directory that the path is to stay in, from which it begins.
    ///
    /// A path that is absolute, goes up by `..`, or leads out by a symbolic link is refused. It doesn't help
    /// against who can change the directory while the file is opened.
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = Some(root.into());
        self
    }

    /// The most bytes that it may have; 256 KiB by default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    fn read(&self) -> StepResult<ContextBlock> {
        let path = self.located()?;
        // What isn't a file may block for ever, or never end.
        let is_file = path.metadata().map_err(|error| self.unreadable(error))?;
        if !is_file.is_file() {
            return Err(self.error(ErrorKind::Input, "is no file").into());
        }
        let file = File::open(&path).map_err(|error| self.unreadable(error))?;
        let mut bytes = Vec::new();
        let mut start = file.take(self.max_bytes.saturating_add(1));
        start
            .read_to_end(&mut bytes)
            .map_err(|error| self.unreadable(error))?;
        if bytes.len() as u64 > self.max_bytes {
            let what = format!(
                "is longer than {} bytes; raise its `max_bytes`",
                self.max_bytes
            );
            return Err(self.error(ErrorKind::Limit, &what).into());
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(ContextBlock::new(self.name.clone(), text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let what = format!("isn't text in UTF-8, at byte {at}");
                Err(self.error(ErrorKind::Value, &what).into())
            }
        }
    }

    /// Where it is, if it may be read.
    fn located(&self) -> Result<PathBuf, Error> {
        let Some(root) = &self.root else {
            return Ok(self.path.clone());
        };
        let is_inside =
            |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !self.path.components().all(is_inside) {
            return Err(self.outside());
        }
        let real = |path: &Path| path.canonicalize().map_err(|error| self.unreadable(error));
        let root = real(root)?;
        let path = real(&root.join(&self.path))?;
        match path.starts_with(&root) {
            true => Ok(path),
            false => Err(self.outside()),
        }
    }

    fn outside(&self) -> Error {
        self.error(ErrorKind::Input, "leads out of its `root`")
    }

    fn unreadable(&self, error: std::io::Error) -> Error {
        let (kind, what) = match error.kind() {
            IoKind::NotFound => (ErrorKind::NotFound, "isn't there"),
            _ => (ErrorKind::Input, "can't be read"),
        };
        self.error(kind, what).with_source(error)
    }

    fn error(&self, kind: ErrorKind, what: &str) -> Error {
        Error::new(kind, format!("the context file `{}` {what}", self.name))
    }
}

impl ContextProvider for FileContext {
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(
        &self,
        _ctx: RunContext,
        _query: ContextQuery,
    ) -> BoxFuture<'static, StepResult<Vec<ContextBlock>>> {
        let file = self.clone();
        blocking(move || Ok(vec![file.read()?])).boxed()
    }
}
