//! The store in a file of SQLite.

mod files;
mod handles;
mod kills;
mod processes;
mod resumed;

use std::path::PathBuf;

use mainstem::SqliteStore;
use mainstem_testkit::stores::Home;
use tempfile::TempDir;

/// A file in a directory of its own. Each time it is opened anew: what one store writes, another
/// sees by the file alone.
pub(crate) struct File(TempDir);

impl File {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("runs.db")
    }
}

impl Home for File {
    type Store = SqliteStore;

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path()).await.unwrap()
    }
}

mod logs {
    use super::*;

    mainstem_testkit::store_suite!(File::new());
}

mod conversations {
    use super::*;

    mainstem_testkit::conversations_suite!(File::new());
}

/// The same through one store and its clones, which wake each other's tails.
mod cloned {
    use super::*;

    struct Cloned(
        SqliteStore,
        #[expect(dead_code, reason = "it holds the file")] File,
    );

    impl Home for Cloned {
        type Store = SqliteStore;

        async fn open(&self) -> SqliteStore {
            self.0.clone()
        }
    }

    async fn home() -> Cloned {
        let file = File::new();
        Cloned(file.open().await, file)
    }

    mainstem_testkit::store_suite!(home().await);
}
