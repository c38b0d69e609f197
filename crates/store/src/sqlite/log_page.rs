//! Some events of a log, one after the other.

use mainstem_core::{Event, Place, RunId};
use rusqlite::{Connection, params};

use super::{
    changes::Answer,
    failure,
    queries::{self, number},
};

/// A tail reads so many events at a time, and stops early at so many bytes.
const EVENTS: usize = 256;
const BYTES: usize = 1 << 20;

pub(super) struct Page {
    pub(super) events: Vec<Event>,
    /// Which log it is: another one of the same id has another key.
    pub(super) key: i64,
    /// Whether nothing will ever follow.
    pub(super) is_last: bool,
}

/// What is asked for at a time.
pub(super) struct Size {
    events: usize,
    bytes: usize,
}

impl Size {
    pub(super) const TAIL: Self = Self {
        events: EVENTS,
        bytes: BYTES,
    };

    /// Just so many events, if they are there.
    pub(super) const fn events(events: usize) -> Self {
        let bytes = usize::MAX;
        Self { events, bytes }
    }
}

pub(super) fn read(
    connection: &Connection,
    run: &RunId,
    after: Option<Place>,
    size: &Size,
) -> Answer<Page> {
    let log = match queries::log(connection, run)? {
        Ok(log) => log,
        Err(error) => return Ok(Err(error)),
    };
    let after = after.map_or(-1, |place| number(place.seq.0));
    let limit = queries::limit(size.events);
    let select = "SELECT seq, event FROM events WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query(params![log.key, after, limit])?;
    let mut events = Vec::new();
    let mut bytes = 0;
    while bytes < size.bytes {
        let Some(row) = rows.next()? else {
            let is_last = log.state.closed && events.len() < size.events;
            let key = log.key;
            return Ok(Ok(Page {
                events,
                key,
                is_last,
            }));
        };
        let json = row.get_ref(1)?.as_str()?;
        bytes += json.len();
        match serde_json::from_str(json) {
            Ok(event) => events.push(event),
            // What serde says of it would show the event.
            Err(_) => return Ok(Err(failure::unreadable(run, row.get(0)?))),
        }
    }
    Ok(Ok(Page {
        events,
        key: log.key,
        is_last: false,
    }))
}
