use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Error, ErrorKind, RunContext, StepResult, Text};

use super::{ContextBlock, ContextProvider, ContextQuery, blocking::blocking};

/// How deep it goes, and how much it lists, unless it is told.
const MAX_DEPTH: usize = 6;
const MAX_ENTRIES: usize = 500;

/// What nobody wants to read: what builds and package managers put there.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Gives an agent the listing of a directory: what files there are, not what is in them.
///
/// Directories end in `/`, symbolic links in `@` and aren't followed. Hidden entries, `target` and
/// `node_modules` are skipped; ignore files aren't read. Entries are in the order of their names. It goes 6
/// directories deep and lists 500 entries by default: those at the top first, and `…` stands where there is
/// more.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mainstem_agent::SourceTree;
///
/// let sources = SourceTree::new("src").max_depth(3).max_entries(100).skip("generated");
/// # let _ = sources;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SourceTree {
    root: PathBuf,
    name: Text,
    max_depth: usize,
    max_entries: usize,
    skipped: Vec<String>,
}

/// A directory that is listed.
#[derive(Default)]
struct Listing {
    entries: Vec<Entry>,
    /// Whether there is more in it.
    has_more: bool,
}

struct Entry {
    name: String,
    /// Where its own listing is, if it is a directory.
    inside: Option<usize>,
}

impl SourceTree {
    /// The listing of a directory; its name for the model is the path.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let root = directory.into();
        Self {
            name: root.display().to_string().into(),
            root,
            max_depth: MAX_DEPTH,
            max_entries: MAX_ENTRIES,
            skipped: SKIPPED.map(str::to_owned).to_vec(),
        }
    }

    /// What it is called, instead of its path: for the model, and in errors.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }

    /// How many directories deep it goes; 6 by default, and 1 is the directory itself alone.
    #[must_use]
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }

    /// How many entries it lists at most; 500 by default.
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// Leaves out entries of a name, wherever they are, besides those that it skips anyway.
    #[must_use]
    pub fn skip(mut self, name: impl Into<String>) -> Self {
        self.skipped.push(name.into());
        self
    }

    fn list(&self) -> StepResult<ContextBlock> {
        let mut listings = vec![Listing::default()];
        let mut listed = 0;
        // Level by level, so that what is at the top is there, however much is below.
        let mut waiting = VecDeque::from([(0, self.root.clone(), 1)]);
        while let Some((at, directory, depth)) = waiting.pop_front() {
            if depth > self.max_depth || listed == self.max_entries {
                listings[at].has_more = true;
                continue;
            }
            let entries = match self.entries(&directory) {
                Ok(entries) => entries,
                Err(error) if at == 0 => return Err(self.unreadable(error).into()),
                Err(_) => {
                    listings[at].has_more = true;
                    continue;
                }
            };
            for (name, is_directory) in entries {
                if listed == self.max_entries {
                    listings[at].has_more = true;
                    break;
                }
                listed += 1;
                let inside = is_directory.then_some(listings.len());
                if let Some(inside) = inside {
                    listings.push(Listing::default());
                    waiting.push_back((inside, directory.join(&name), depth + 1));
                }
                listings[at].entries.push(Entry { name, inside });
            }
        }
        let mut text = String::new();
        write(&listings, 0, 0, &mut text);
        Ok(ContextBlock::new(self.name.clone(), text))
    }

    /// What is in a directory, in order: names, and which of them are directories.
    fn entries(&self, directory: &Path) -> io::Result<Vec<(String, bool)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || self.skipped.contains(&name) {
                continue;
            }
            let kind = entry.file_type()?;
            let name = if kind.is_symlink() { name + "@" } else { name };
            entries.push((name, kind.is_dir()));
        }
        entries.sort();
        Ok(entries)
    }

    fn unreadable(&self, error: io::Error) -> Error {
        let (kind, what) = match error.kind() {
            io::ErrorKind::NotFound => (ErrorKind::NotFound, "isn't there"),
            io::ErrorKind::NotADirectory => (ErrorKind::Input, "is no directory"),
            _ => (ErrorKind::Input, "can't be listed"),
        };
        let message = format!("the context directory `{}` {what}", self.name);
        Error::new(kind, message).with_source(error)
    }
}

fn write(listings: &[Listing], at: usize, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for entry in &listings[at].entries {
        text.push_str(&indent);
        // A name may hold anything but a slash; here it is one line.
        for c in entry.name.chars() {
            match c.is_control() {
                true => text.extend(c.escape_default()),
                false => text.push(c),
            }
        }
        match entry.inside {
            Some(inside) => {
                text.push_str("/\n");
                write(listings, inside, depth + 1, text);
            }
            None => text.push('\n'),
        }
    }
    if listings[at].has_more {
        text.push_str(&indent);
        text.push_str("…\n");
    }
}

impl ContextProvider for SourceTree {
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(
        &self,
        _ctx: RunContext,
        _query: ContextQuery,
    ) -> BoxFuture<'static, StepResult<Vec<ContextBlock>>> {
        let tree = self.clone();
        blocking(move || Ok(vec![tree.list()?])).boxed()
    }
}
