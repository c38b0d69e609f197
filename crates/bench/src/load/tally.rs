//! What one reader has read: without a parser, which would cost more than the server.

use memchr::memmem;

use super::ticks;

/// What the last event says, on the wire.
const END: &[u8] = br#"{"outcome":"finished"}"#;

/// Finds ticks in bytes that come in pieces, and counts those that are missing.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The beginning of what may go on in the next piece.
    carried: Vec<u8>,
    pub(super) received: u32,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) ended: bool,
    next: u32,
}

impl Tally {
    /// Reads a piece, and tells when each tick in it was due.
    pub(super) fn read(&mut self, piece: &[u8], mut due: impl FnMut(u64)) {
        let carried = std::mem::take(&mut self.carried);
        if carried.is_empty() {
            self.scan(piece, &mut due);
        } else {
            let whole = [&carried[..], piece].concat();
            self.scan(&whole, &mut due);
        }
    }

    fn scan(&mut self, bytes: &[u8], due: &mut impl FnMut(u64)) {
        let mut rest = bytes;
        while let Some(at) = memmem::find(rest, ticks::BEGINNING) {
            let Some(tick) = rest.get(at..at + ticks::LENGTH) else {
                self.carried = rest[at..].to_vec();
                return;
            };
            match ticks::read(tick) {
                Some((number, moment)) => {
                    self.count(number);
                    due(moment);
                    rest = &rest[at + ticks::LENGTH..];
                }
                None => rest = &rest[at + ticks::BEGINNING.len()..],
            }
        }
        self.ended |= memmem::find(rest, END).is_some();
        // As much as the beginning of a mark may be.
        let kept = rest.len().min(END.len() - 1);
        self.carried = rest[rest.len() - kept..].to_vec();
    }

    fn count(&mut self, number: u32) {
        self.received += 1;
        if number < self.next {
            self.doubled += 1;
        } else {
            self.lost += u64::from(number - self.next);
            self.next = number + 1;
        }
    }

    /// The stream is over, of so many ticks: what is missing at its end is lost, too.
    pub(super) fn close(&mut self, of: u32) {
        self.lost += u64::from(of.saturating_sub(self.next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(number: u32) -> String {
        format!("data: {{\"text\":\"tick {number:06} {:016};\"}}\n\n", 7)
    }

    fn tally(text: &str, piece: usize) -> Tally {
        let mut tally = Tally::default();
        let mut due = 0;
        for piece in text.as_bytes().chunks(piece) {
            tally.read(piece, |moment| due += moment);
        }
        assert_eq!(due, 7 * u64::from(tally.received));
        tally.close(4);
        tally
    }

    #[test]
    fn what_is_whole_is_whole_however_it_is_cut() {
        let text: String =
            (0..4).map(tick).collect::<String>() + "data: {\"outcome\":\"finished\"}\n\n";
        for piece in 1..text.len() {
            let read = tally(&text, piece);
            assert_eq!((read.received, read.lost, read.doubled), (4, 0, 0));
            assert!(read.ended);
        }
    }

    #[test]
    fn what_is_missing_or_doubled_is_counted() {
        let text = [0, 2, 2].map(tick).concat();
        let read = tally(&text, 50);
        assert_eq!((read.received, read.lost, read.doubled), (3, 2, 1));
        assert!(!read.ended);
    }
}
