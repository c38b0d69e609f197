//! The stores in memory.

use mainstem::{MemoryConversations, MemoryStore};
use mainstem_testkit::stores::Home;

/// A clone is the same store.
struct InMemory<S>(S);

impl<S: Clone + Send + Sync> Home for InMemory<S> {
    type Store = S;

    async fn open(&self) -> S {
        self.0.clone()
    }
}

mod logs {
    use super::*;

    mainstem_testkit::store_suite!(InMemory(MemoryStore::new()));
}

/// What is shared by `Arc`, and whose type is forgotten, is a store as well.
mod shared {
    use std::sync::Arc;

    use mainstem::Store;

    use super::*;

    mainstem_testkit::store_suite!(InMemory::<Arc<dyn Store>>(Arc::new(MemoryStore::new())));
}

mod conversations {
    use super::*;

    mainstem_testkit::conversations_suite!(InMemory(MemoryConversations::new()));
}
