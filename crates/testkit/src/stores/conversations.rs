//! Conversations: versions, owners, lists.

use futures::future::{join, join_all};
use mainstem_core::{Context, Conversation, Conversations, ErrorKind};

use super::{Home, logs::within};

fn conversation(owner: &str, id: &str, said: &str) -> Conversation {
    let ctx = Context::new();
    ctx.add_user_message(said);
    Conversation::new(id, owner, ctx.snapshot())
}

async fn save(home: &impl Conversations, owner: &str, id: &str, said: &str) -> u64 {
    let save = home.save(conversation(owner, id, said));
    within(save).await.unwrap()
}

async fn ids(home: &impl Conversations, owner: &str, limit: usize) -> Vec<String> {
    let rows = within(home.list(owner, limit)).await.unwrap();
    rows.iter().map(|row| row.id.to_string()).collect()
}

pub async fn a_conversation_is_its_owners_alone<H: Home<Store: Conversations>>(home: H) {
    let home = home.open().await;
    assert_eq!(save(&home, "ada", "c", "I am Ada.").await, 1);
    // An id that somebody else uses is one that nobody uses: nothing tells them apart.
    assert_eq!(home.load("bob", "c").await.unwrap(), None);
    assert!(!home.delete("bob", "c").await.unwrap());
    assert_eq!(ids(&home, "bob", 9).await, [""; 0]);
    assert_eq!(save(&home, "bob", "c", "I am Bob.").await, 1);

    for (owner, said) in [("ada", "I am Ada."), ("bob", "I am Bob.")] {
        let loaded = home.load(owner, "c").await.unwrap().unwrap();
        assert_eq!((&*loaded.owner, loaded.version), (owner, 1));
        assert_eq!(Context::restore(loaded.context).messages()[0].text(), said);
    }
    assert!(home.delete("ada", "c").await.unwrap());
    assert!(home.load("bob", "c").await.unwrap().is_some());
}

pub async fn a_save_of_an_older_version_is_refused<H: Home<Store: Conversations>>(home: H) {
    let home = home.open().await;
    assert_eq!(save(&home, "ada", "c", "first").await, 1);
    let error = home.save(conversation("ada", "c", "x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("saved in between"), "{error}");

    let loaded = home.load("ada", "c").await.unwrap().unwrap();
    let stale = loaded.clone();
    assert_eq!(home.save(loaded).await.unwrap(), 2);
    let error = home.save(stale.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let kept = home.load("ada", "c").await.unwrap().unwrap();
    assert_eq!((kept.version, &kept.context), (2, &stale.context));

    // One that was deleted doesn't come back by itself.
    assert!(home.delete("ada", "c").await.unwrap());
    let error = home.save(stale).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("deleted in between"), "{error}");
    assert_eq!(home.load("ada", "c").await.unwrap(), None);
}

pub async fn a_list_has_the_last_saved_first_up_to_its_limit<H: Home<Store: Conversations>>(
    home: H,
) {
    let home = home.open().await;
    for id in ["b", "a", "c"] {
        save(&home, "ada", id, "hello").await;
    }
    save(&home, "bob", "d", "hello").await;
    assert_eq!(ids(&home, "ada", 9).await, ["c", "a", "b"]);
    let again = home.load("ada", "b").await.unwrap().unwrap();
    home.save(again).await.unwrap();
    assert_eq!(ids(&home, "ada", 9).await, ["b", "c", "a"]);
    assert_eq!(ids(&home, "ada", usize::MAX).await, ["b", "c", "a"]);
    assert_eq!(ids(&home, "ada", 2).await, ["b", "c"]);
    assert_eq!(ids(&home, "ada", 0).await, [""; 0]);
    assert_eq!(home.list("ada", 1).await.unwrap()[0].version, 2);
    home.delete("ada", "b").await.unwrap();
    assert_eq!(ids(&home, "ada", 9).await, ["c", "a"]);
}

pub async fn of_those_that_save_at_once_one_does<H: Home<Store: Conversations>>(home: H) {
    let (one, other) = join(home.open(), home.open()).await;
    assert_eq!(save(&one, "ada", "c", "hello").await, 1);
    let loaded = other.load("ada", "c").await.unwrap().unwrap();
    let saves = [&one, &other, &one, &other].map(|home| home.save(loaded.clone()));
    let saved = within(join_all(saves)).await;
    let (won, lost): (Vec<_>, Vec<_>) = saved.into_iter().partition(Result::is_ok);
    assert_eq!(won.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [2]);
    let kinds = lost.into_iter().map(|lost| lost.unwrap_err().kind());
    assert!(kinds.eq([ErrorKind::Conflict; 3]));
    assert_eq!(one.load("ada", "c").await.unwrap().unwrap().version, 2);
}
