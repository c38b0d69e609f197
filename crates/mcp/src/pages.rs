//! Lists that a server gives page by page.

use std::collections::HashSet;

use mainstem_core::Result;
use rmcp::{
    RoleClient,
    model::PaginatedRequestParams,
    service::{Peer, ServiceError},
};

use crate::{failure::unexpected, link::Link};

/// A page, and where the next one is.
pub(crate) type Page<T> = (Vec<T>, Option<String>);

/// All that a list holds; `what` says in errors which one it is.
pub(crate) async fn all_pages<T, F>(
    link: &Link,
    what: &str,
    ask: impl Fn(Peer<RoleClient>, Option<PaginatedRequestParams>) -> F,
) -> Result<Vec<T>>
where
    F: Future<Output = std::result::Result<Page<T>, ServiceError>>,
{
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    let mut cursor = None;
    loop {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let page = link.ask(what, |server| ask(server, Some(page.clone())));
        let (items, next) = page.await?;
        all.extend(items);
        let Some(next) = next else {
            return Ok(all);
        };
        // A server that leads in a circle would keep us for ever.
        if !seen.insert(next.clone()) {
            return Err(unexpected(link.server(), what));
        }
        cursor = Some(next);
    }
}
