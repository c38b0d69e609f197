//! The home of conversations in memory: versions, owners, lists.
#![allow(clippy::unwrap_used)]

use mainstem_core::{Context, Conversation, Conversations, ErrorKind, MemoryConversations};

fn conversation(owner: &str, id: &str, said: &str) -> Conversation {
    let ctx = Context::new();
    ctx.add_user_message(said);
    Conversation::new(id, owner, ctx.snapshot())
}

async fn ids(home: &MemoryConversations, owner: &str, limit: usize) -> Vec<String> {
    let rows = home.list(owner, limit).await.unwrap();
    rows.iter().map(|row| row.id.to_string()).collect()
}

#[tokio::test]
async fn a_conversation_is_its_owners_alone() {
    let home = MemoryConversations::new();
    home.save(conversation("ada", "c", "I am Ada."))
        .await
        .unwrap();
    // An id that somebody else uses is one that nobody uses: nothing tells them apart.
    assert_eq!(home.load("bob", "c").await.unwrap(), None);
    assert!(!home.delete("bob", "c").await.unwrap());
    assert_eq!(ids(&home, "bob", 9).await, [""; 0]);
    assert_eq!(
        home.save(conversation("bob", "c", "I am Bob."))
            .await
            .unwrap(),
        1
    );

    for (owner, said) in [("ada", "I am Ada."), ("bob", "I am Bob.")] {
        let loaded = home.load(owner, "c").await.unwrap().unwrap();
        assert_eq!((&*loaded.owner, loaded.version), (owner, 1));
        assert_eq!(Context::restore(loaded.context).messages()[0].text(), said);
    }
    assert!(home.delete("ada", "c").await.unwrap());
    assert!(home.load("bob", "c").await.unwrap().is_some());
}

#[tokio::test]
async fn a_save_of_an_older_version_is_refused_and_overwrites_nothing() {
    let home = MemoryConversations::new();
    let first = conversation("ada", "c", "first");
    assert_eq!(home.save(first.clone()).await.unwrap(), 1);
    let error = home.save(first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "conversation `c` was saved in between: version 1, not 0; load it again"
    );

    let loaded = home.load("ada", "c").await.unwrap().unwrap();
    let stale = loaded.clone();
    assert_eq!(home.save(loaded).await.unwrap(), 2);
    let error = home.save(stale.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(home.load("ada", "c").await.unwrap().unwrap().version, 2);

    // One that was deleted doesn't come back by itself.
    home.delete("ada", "c").await.unwrap();
    let error = home.save(stale).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("deleted in between"), "{error}");
    assert_eq!(home.load("ada", "c").await.unwrap(), None);
}

#[tokio::test]
async fn a_list_has_the_last_saved_first_up_to_its_limit() {
    let home = MemoryConversations::new();
    for id in ["b", "a", "c"] {
        home.save(conversation("ada", id, "hello")).await.unwrap();
    }
    home.save(conversation("bob", "d", "hello")).await.unwrap();
    assert_eq!(ids(&home, "ada", 9).await, ["c", "a", "b"]);
    let again = home.load("ada", "b").await.unwrap().unwrap();
    home.save(again).await.unwrap();
    assert_eq!(ids(&home, "ada", 9).await, ["b", "c", "a"]);
    assert_eq!(ids(&home, "ada", 2).await, ["b", "c"]);
    assert_eq!(ids(&home, "ada", 0).await, [""; 0]);
    let shared: std::sync::Arc<dyn Conversations> = std::sync::Arc::new(home);
    assert_eq!(shared.list("ada", 1).await.unwrap()[0].version, 2);
}
