use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::script::{Part, Stop};

/// How the client learns where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Framing {
    /// `transfer-encoding: chunked`.
    Chunked,
    /// `content-length`.
    ContentLength,
    /// Neither: the body ends where the connection does, as in HTTP/1.0.
    ///
    /// A cut looks like an end to the client then; a reset doesn't.
    CloseDelimited,
}

/// Where a body is split, and where it stops early.
#[derive(Debug, Clone, Default)]
pub(crate) struct Delivery {
    pub(crate) split: Split,
    pub(crate) cut_at: Option<u64>,
    pub(crate) end_at: Option<u64>,
}

/// The borders of the HTTP chunks.
#[derive(Debug, Clone, Default)]
pub(crate) enum Split {
    /// One chunk for each frame.
    #[default]
    AsScripted,
    /// Chunks of this many bytes.
    Every(usize),
    /// Borders at these offsets, in rising order.
    At(Vec<u64>),
}

/// A chunk that would be larger is sent in pieces.
const LARGEST_CHUNK: usize = 1 << 20;

impl Delivery {
    /// Applies the splits and the early stops to the parts.
    pub(crate) fn apply<I: Iterator<Item = Part>>(&self, parts: I) -> Delivered<I> {
        Delivered {
            parts,
            delivery: self.clone(),
            offset: 0,
            pending: BytesMut::new(),
            pending_batch: true,
            ready: VecDeque::new(),
            stopped: false,
        }
    }

    /// Returns the offset at which the body stops early, and how.
    fn stop(&self) -> Option<(u64, Stop)> {
        let cut = self.cut_at.map(|at| (at, Stop::Cut));
        let end = self.end_at.map(|at| (at, Stop::End));
        cut.into_iter().chain(end).min_by_key(|(at, _)| *at)
    }
}

/// Parts whose bytes are split anew.
#[derive(Debug)]
pub(crate) struct Delivered<I> {
    parts: I,
    delivery: Delivery,
    /// How many body bytes came in so far.
    offset: u64,
    /// Bytes of the chunk that isn't complete yet.
    pending: BytesMut,
    pending_batch: bool,
    ready: VecDeque<Part>,
    stopped: bool,
}

impl<I: Iterator<Item = Part>> Delivered<I> {
    fn push(&mut self, data: Bytes, batch: bool) {
        let (mut data, mut stop) = (data, None);
        if let Some((at, how)) = self.delivery.stop() {
            let room = usize::try_from(at - self.offset).unwrap_or(usize::MAX);
            if room <= data.len() {
                data.truncate(room);
                stop = Some(how);
            }
        }
        self.split(data, batch);
        if let Some(how) = stop {
            self.stop(how);
        }
    }

    fn stop(&mut self, how: Stop) {
        self.flush();
        self.ready.push_back(Part::Stop(how));
        self.stopped = true;
    }

    fn split(&mut self, mut data: Bytes, batch: bool) {
        if matches!(self.delivery.split, Split::AsScripted) {
            self.offset += data.len() as u64;
            if !data.is_empty() {
                self.ready.push_back(Part::Bytes { data, batch });
            }
            return;
        }
        while !data.is_empty() {
            let room = self.room().min(data.len());
            self.pending.extend_from_slice(&data.split_to(room));
            self.pending_batch &= batch;
            self.offset += room as u64;
            if self.room_is_used() {
                self.flush();
            }
        }
    }

    /// Returns how many bytes fit before the next border.
    fn room(&self) -> usize {
        let free = LARGEST_CHUNK - self.pending.len();
        match &self.delivery.split {
            Split::AsScripted => free,
            Split::Every(size) => (*size).min(LARGEST_CHUNK) - self.pending.len(),
            Split::At(borders) => borders
                .iter()
                .find(|border| **border > self.offset)
                .and_then(|border| usize::try_from(border - self.offset).ok())
                .map_or(free, |room| room.min(free)),
        }
    }

    fn room_is_used(&self) -> bool {
        let at_border = match &self.delivery.split {
            Split::AsScripted => true,
            Split::Every(size) => self.pending.len() >= *size,
            Split::At(borders) => borders.contains(&self.offset),
        };
        at_border || self.pending.len() >= LARGEST_CHUNK
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let data = self.pending.split().freeze();
            let batch = std::mem::replace(&mut self.pending_batch, true);
            self.ready.push_back(Part::Bytes { data, batch });
        }
    }
}

impl<I: Iterator<Item = Part>> Iterator for Delivered<I> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Some(part);
            }
            if self.stopped {
                return None;
            }
            match self.parts.next() {
                Some(Part::Bytes { data, batch }) => self.push(data, batch),
                Some(Part::Stop(how)) => self.stop(how),
                Some(pause @ Part::Pause(_)) => {
                    self.flush();
                    self.ready.push_back(pause);
                }
                None => self.stop(Stop::End),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gate;
    use crate::script::Pause;

    fn bytes(text: &'static str) -> Part {
        let data = Bytes::from_static(text.as_bytes());
        Part::Bytes { data, batch: false }
    }

    fn show(delivery: &Delivery, parts: Vec<Part>) -> Vec<String> {
        let show = |part| match part {
            Part::Bytes { data, .. } => String::from_utf8(data.to_vec()).unwrap(),
            Part::Pause(_) => "(pause)".into(),
            Part::Stop(how) => format!("({how:?})"),
        };
        delivery.apply(parts.into_iter()).map(show).collect()
    }

    #[test]
    fn chunks_cross_frames_but_not_pauses() {
        let delivery = Delivery {
            split: Split::Every(4),
            ..Delivery::default()
        };
        let pause = Part::Pause(Pause::At(Gate::new()));
        let parts = vec![bytes("abc"), bytes("defgh"), bytes("i"), pause, bytes("jk")];
        assert_eq!(
            show(&delivery, parts),
            ["abcd", "efgh", "i", "(pause)", "jk", "(End)"]
        );
    }

    #[test]
    fn borders_are_offsets_in_the_whole_body() {
        let delivery = Delivery {
            split: Split::At(vec![2, 4]),
            ..Delivery::default()
        };
        let parts = vec![bytes("abc"), bytes("def")];
        assert_eq!(show(&delivery, parts), ["ab", "cd", "ef", "(End)"]);
    }

    #[test]
    fn the_earlier_stop_wins_and_one_past_the_body_has_no_effect() {
        let delivery = Delivery {
            cut_at: Some(4),
            end_at: Some(5),
            ..Delivery::default()
        };
        assert_eq!(
            show(&delivery, vec![bytes("abc"), bytes("def")]),
            ["abc", "d", "(Cut)"]
        );
        assert_eq!(show(&delivery, vec![bytes("abc")]), ["abc", "(End)"]);
        let at_once = Delivery {
            end_at: Some(0),
            ..Delivery::default()
        };
        assert_eq!(show(&at_once, vec![bytes("abc")]), ["(End)"]);
    }
}
