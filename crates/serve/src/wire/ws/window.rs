use std::collections::VecDeque;

use mainstem_core::Seq;

/// How many events may be under way to a client that acknowledges them.
///
/// ```
/// use mainstem_core::Seq;
/// use mainstem_serve::wire::ws::Window;
///
/// let mut window = Window::new(2);
/// window.sent(Seq(4));
/// window.sent(Seq(7));
/// assert!(!window.is_open());
/// assert!(window.acknowledged(Seq(4)));
/// assert!(window.is_open());
/// assert!(!window.acknowledged(Seq(9)), "that one was never sent");
/// ```
#[derive(Clone, Debug)]
pub struct Window {
    limit: usize,
    under_way: VecDeque<Seq>,
    last: Option<Seq>,
}

impl Window {
    /// Of that many events; of one at least.
    pub fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        Self {
            limit,
            under_way: VecDeque::new(),
            last: None,
        }
    }

    /// Whether another event may be sent.
    pub fn is_open(&self) -> bool {
        self.under_way.len() < self.limit
    }

    /// An event was sent.
    pub fn sent(&mut self, seq: Seq) {
        self.under_way.push_back(seq);
        self.last = Some(seq);
    }

    /// The client has read all up to an event; whether it was sent at all.
    pub fn acknowledged(&mut self, seq: Seq) -> bool {
        while self.under_way.front().is_some_and(|sent| *sent <= seq) {
            self.under_way.pop_front();
        }
        self.last.is_some_and(|last| seq <= last)
    }
}
