//! When a circuit is open, without clocks and streams: a function of what happened, and when.

use std::time::Duration;

use tokio::time::Instant;

/// What a request said of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answers.
    Works,
    /// It doesn't, or breaks off, or asks to be left alone.
    Fails,
    /// Nothing: the request was dropped, or never got as far.
    Unknown,
}

/// The right to send one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// Which change of state it was given after: what a request of an earlier one says is old.
    round: u64,
}

/// Why a request isn't sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// Too many failed. The next goes out after this time.
    For(Duration),
    /// One request is out to try the server.
    WhileTrying,
}

#[derive(Debug)]
pub(super) struct Circuit {
    /// How many failures in a row open it.
    failures: u32,
    open_for: Duration,
    state: State,
    round: u64,
}

#[derive(Debug)]
enum State {
    Closed {
        /// In a row, until now.
        failed: u32,
    },
    /// `None`: for longer than clocks go.
    Open {
        until: Option<Instant>,
    },
    HalfOpen,
}

impl Circuit {
    pub(super) fn new(failures: u32, open_for: Duration) -> Self {
        Self {
            failures,
            open_for,
            state: State::Closed { failed: 0 },
            round: 0,
        }
    }

    /// Lets a request through, or says why not.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Pass, Shut> {
        match self.state {
            State::Closed { .. } => {}
            State::Open { until } => {
                let left = until.map_or(Duration::MAX, |until| until.duration_since(now));
                if !left.is_zero() {
                    return Err(Shut::For(left));
                }
                self.enter(State::HalfOpen);
            }
            State::HalfOpen => return Err(Shut::WhileTrying),
        }
        Ok(Pass { round: self.round })
    }

    /// Takes note of how a request ended.
    pub(super) fn settle(&mut self, pass: Pass, verdict: Verdict, now: Instant) {
        if pass.round != self.round {
            return;
        }
        let open = || State::Open {
            until: now.checked_add(self.open_for),
        };
        match (&mut self.state, verdict) {
            (State::Closed { failed }, Verdict::Works) => *failed = 0,
            (State::Closed { failed }, Verdict::Fails) => {
                *failed += 1;
                if *failed >= self.failures {
                    let open = open();
                    self.enter(open);
                }
            }
            (State::Closed { .. }, Verdict::Unknown) | (State::Open { .. }, _) => {}
            (State::HalfOpen, Verdict::Works) => self.enter(State::Closed { failed: 0 }),
            (State::HalfOpen, Verdict::Fails) => {
                let open = open();
                self.enter(open);
            }
            // Another one may try at once.
            (State::HalfOpen, Verdict::Unknown) => self.enter(State::Open { until: Some(now) }),
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.round += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What happens to a circuit: a request comes, one ends, or time passes.
    #[derive(Clone, Copy, Debug)]
    enum Deed {
        Come,
        End(usize, Verdict),
        Wait(u64),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let verdict = prop_oneof![
            1 => Just(Verdict::Works),
            3 => Just(Verdict::Fails),
            1 => Just(Verdict::Unknown)
        ];
        prop_oneof![
            3 => Just(Deed::Come),
            4 => (0..8usize, verdict).prop_map(|(which, verdict)| Deed::End(which, verdict)),
            1 => (1..12u64).prop_map(Deed::Wait),
        ]
    }

    /// The same from the whole history, in seconds: a list of what was admitted, and of ends.
    #[derive(Default)]
    struct Model {
        now: u64,
        /// When the circuit last opened or closed, or a trial began; and what it is since then.
        opened: Option<u64>,
        trying: Option<usize>,
        /// Requests that are out, with the number of changes before each.
        out: Vec<(usize, u64)>,
        next: usize,
        changes: u64,
        failed_in_a_row: u32,
    }

    impl Model {
        const FAILURES: u32 = 3;
        const OPEN_FOR: u64 = 5;

        fn may_come(&self) -> bool {
            self.trying.is_none() && self.opened.is_none_or(|at| self.now >= at + Self::OPEN_FOR)
        }

        fn come(&mut self) -> bool {
            if !self.may_come() {
                return false;
            }
            if self.opened.take().is_some() {
                self.trying = Some(self.next);
                self.changes += 1;
            }
            self.out.push((self.next, self.changes));
            self.next += 1;
            true
        }

        fn end(&mut self, which: usize, verdict: Verdict) {
            let (id, since) = self.out.remove(which);
            if since != self.changes {
                return;
            }
            let was_trying = self.trying == Some(id);
            match verdict {
                Verdict::Works => self.failed_in_a_row = 0,
                Verdict::Fails => self.failed_in_a_row += 1,
                Verdict::Unknown => {}
            }
            if was_trying {
                self.trying = None;
                self.changes += 1;
                self.opened = match verdict {
                    Verdict::Works => None,
                    Verdict::Fails => Some(self.now),
                    Verdict::Unknown => Some(self.now - Self::OPEN_FOR),
                };
                self.failed_in_a_row = 0;
            } else if self.failed_in_a_row == Self::FAILURES {
                self.changes += 1;
                self.opened = Some(self.now);
                self.failed_in_a_row = 0;
            }
        }
    }

    proptest! {
        #[test]
        fn it_opens_tries_and_closes_as_the_model_does(deeds in vec(deed(), 0..80)) {
            let start = Instant::now();
            let mut circuit = Circuit::new(Model::FAILURES, SECOND * 5);
            // So that a moment before the start can be told.
            let mut model = Model { now: 100, ..Model::default() };
            let mut passes = Vec::new();
            for deed in deeds {
                let now = start + SECOND * u32::try_from(model.now).unwrap();
                match deed {
                    Deed::Come => {
                        let is_trying = model.trying.is_some();
                        let opened = model.opened;
                        let admitted = circuit.admit(now);
                        prop_assert_eq!(admitted.is_ok(), model.come());
                        match admitted {
                            Ok(pass) => passes.push(pass),
                            Err(Shut::WhileTrying) => prop_assert!(is_trying),
                            Err(Shut::For(left)) => {
                                let until = opened.unwrap() + Model::OPEN_FOR;
                                prop_assert_eq!(left.as_secs(), until - model.now);
                            }
                        }
                    }
                    Deed::End(which, verdict) => {
                        if let Some(which) = which.checked_rem(passes.len()) {
                            circuit.settle(passes.remove(which), verdict, now);
                            model.end(which, verdict);
                        }
                    }
                    Deed::Wait(seconds) => model.now += seconds,
                }
            }
        }
    }

    #[test]
    fn the_longest_time_is_for_ever() {
        let now = Instant::now();
        let mut circuit = Circuit::new(1, Duration::MAX);
        let pass = circuit.admit(now).unwrap();
        circuit.settle(pass, Verdict::Fails, now);
        let later = now + SECOND * 1_000_000;
        assert_eq!(circuit.admit(later), Err(Shut::For(Duration::MAX)));
    }
}
