//! The home of conversations.

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Conversation, ConversationInfo, Conversations, Result, Text, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStore,
    changes::Answer,
    failure,
    queries::{self, count, number},
};

impl Conversations for SqliteStore {
    fn load(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<Option<Conversation>>> {
        let (store, owner, id) = (self.clone(), Text::from(owner), Text::from(id));
        async move {
            let load = move |connection: &_| load(connection, &owner, &id);
            store.query(load).await
        }
        .boxed()
    }

    fn save(&self, conversation: Conversation) -> BoxFuture<'static, Result<u64>> {
        let store = self.clone();
        async move {
            let context = serde_json::to_string(&conversation.context)
                .map_err(|_| failure::unwritable_conversation(&conversation.id))?;
            let save = move |connection: &_| save(connection, &conversation, &context);
            store.change(true, None, save).await
        }
        .boxed()
    }

    fn list(&self, owner: &str, limit: usize) -> BoxFuture<'static, Result<Vec<ConversationInfo>>> {
        let (store, owner) = (self.clone(), Text::from(owner));
        async move {
            let list = move |connection: &_| list(connection, &owner, limit);
            store.query(list).await
        }
        .boxed()
    }

    fn delete(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<bool>> {
        let (store, owner, id) = (self.clone(), Text::from(owner), Text::from(id));
        async move {
            let delete = move |connection: &_| delete(connection, &owner, &id);
            store.change(true, None, delete).await
        }
        .boxed()
    }
}

fn load(connection: &Connection, owner: &Text, id: &Text) -> Answer<Option<Conversation>> {
    let select = "SELECT version, context FROM conversations WHERE owner = ?1 AND id = ?2";
    let mut select = connection.prepare_cached(select)?;
    let found = select.query_row([owner.as_str(), id.as_str()], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?))
    });
    let Some((version, context)) = found.optional()? else {
        return Ok(Ok(None));
    };
    // What serde says of it would show the context.
    let Ok(context) = serde_json::from_str(&context) else {
        return Ok(Err(failure::unreadable_conversation(id)));
    };
    let mut conversation = Conversation::new(id.clone(), owner.clone(), context);
    conversation.version = count(version);
    Ok(Ok(Some(conversation)))
}

fn save(connection: &Connection, conversation: &Conversation, context: &str) -> Answer<u64> {
    let Conversation {
        id, owner, version, ..
    } = conversation;
    let select = "SELECT version FROM conversations WHERE owner = ?1 AND id = ?2";
    let mut select = connection.prepare_cached(select)?;
    let there = select.query_row([owner.as_str(), id.as_str()], |row| row.get(0));
    let newest = there.optional()?.map_or(0, count);
    if newest != *version {
        return Ok(Err(failure::conversation_changed(id, *version, newest)));
    }
    // A clock may stand still, or go back: the order of saves is counted.
    let upsert = "INSERT INTO conversations (owner, id, version, saved, save, context)
        SELECT ?1, ?2, ?3, ?4, 1 + coalesce(max(save), 0), ?5 FROM conversations WHERE owner = ?1
        ON CONFLICT (owner, id) DO UPDATE SET version = excluded.version, saved = excluded.saved,
            save = excluded.save, context = excluded.context";
    let saved = Timestamp::now().as_unix_millis();
    connection.prepare_cached(upsert)?.execute(params![
        owner.as_str(),
        id.as_str(),
        number(version + 1),
        number(saved),
        context,
    ])?;
    Ok(Ok(version + 1))
}

fn list(connection: &Connection, owner: &Text, limit: usize) -> Answer<Vec<ConversationInfo>> {
    let select = "SELECT id, version, saved FROM conversations WHERE owner = ?1
        ORDER BY save DESC LIMIT ?2";
    let mut select = connection.prepare_cached(select)?;
    let rows = select.query_map(params![owner.as_str(), queries::limit(limit)], |row| {
        let saved = Timestamp::from_unix_millis(count(row.get(2)?));
        let (id, version) = (row.get::<_, String>(0)?, count(row.get(1)?));
        Ok(ConversationInfo::new(id, version, saved))
    })?;
    Ok(Ok(rows.collect::<rusqlite::Result<_>>()?))
}

fn delete(connection: &Connection, owner: &Text, id: &Text) -> Answer<bool> {
    let delete = "DELETE FROM conversations WHERE owner = ?1 AND id = ?2";
    let mut delete = connection.prepare_cached(delete)?;
    let deleted = delete.execute([owner.as_str(), id.as_str()])?;
    Ok(Ok(deleted > 0))
}
