//! The home of conversations in memory, on its own; what every home does is proved in the
//! workspace's `tests`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use mainstem_core::{Context, Conversation, Conversations, ErrorKind, MemoryConversations};

#[tokio::test]
async fn a_conflict_says_what_came_in_between() {
    let home: Arc<dyn Conversations> = Arc::new(MemoryConversations::new());
    let ctx = Context::new();
    ctx.add_user_message("a secret");
    let first = Conversation::new("c", "ada", ctx.snapshot());
    assert_eq!(home.save(first.clone()).await.unwrap(), 1);
    let error = home.save(first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "conversation `c` was saved in between: version 1, not 0; load it again"
    );
    let saved = home.load("ada", "c").await.unwrap().unwrap();
    assert!(home.delete("ada", "c").await.unwrap());
    let error = home.save(saved).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "conversation `c` was deleted in between, or never saved; save it as a new one"
    );
}
