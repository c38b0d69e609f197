//! Which runs stay in the store that aren't under way any more.

use std::collections::VecDeque;

use mainstem_core::RunId;

/// How much is kept; all, where there is no number.
#[derive(Clone, Debug, Default)]
pub(super) struct Keep {
    /// Runs that have ended.
    pub(super) ended: Option<usize>,
    /// Roughly the bytes of what these have said; the newest is kept whatever its size.
    pub(super) ended_bytes: Option<usize>,
    /// Runs that wait for answers.
    pub(super) waiting: Option<usize>,
}

/// The runs that are kept, the newest last; only where not all are.
#[derive(Default)]
pub(super) struct KeptRuns {
    ended: VecDeque<(RunId, usize)>,
    ended_bytes: usize,
    /// Those that began to wait; some may have gone on.
    waiting: VecDeque<RunId>,
}

impl KeptRuns {
    /// A run has ended that has said so much: those that go for it, the oldest first.
    pub(super) fn ended(&mut self, run: &RunId, bytes: usize, keep: &Keep) -> Vec<RunId> {
        if keep.ended.is_none() && keep.ended_bytes.is_none() {
            return Vec::new();
        }
        self.ended.push_back((run.clone(), bytes));
        self.ended_bytes += bytes;
        let mut gone = Vec::new();
        while self.are_too_many(keep)
            && let Some((oldest, bytes)) = self.ended.pop_front()
        {
            self.ended_bytes -= bytes;
            gone.push(oldest);
        }
        gone
    }

    fn are_too_many(&self, keep: &Keep) -> bool {
        let count = self.ended.len();
        keep.ended.is_some_and(|most| count > most)
            || (count > 1 && keep.ended_bytes.is_some_and(|most| self.ended_bytes > most))
    }

    /// A run began to wait: the one that goes for it, if it still waits.
    pub(super) fn waits(&mut self, run: &RunId, keep: &Keep) -> Option<RunId> {
        let most = keep.waiting?;
        self.waiting.retain(|other| other != run);
        self.waiting.push_back(run.clone());
        match self.waiting.len() > most {
            true => self.waiting.pop_front(),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(run: usize) -> RunId {
        run.to_string().into()
    }

    #[test]
    fn runs_that_ended_go_by_count_and_by_bytes_and_the_newest_stays() {
        let by_count = Keep {
            ended: Some(2),
            ..Keep::default()
        };
        let by_bytes = Keep {
            ended_bytes: Some(100),
            ..Keep::default()
        };
        let mut kept = KeptRuns::default();
        assert!(kept.ended(&id(1), 9, &by_count).is_empty());
        assert!(kept.ended(&id(2), 9, &by_count).is_empty());
        assert_eq!(kept.ended(&id(3), 9, &by_count), [id(1)]);
        assert!(kept.ended(&id(4), 82, &by_bytes).is_empty());
        assert_eq!(kept.ended(&id(5), 12, &by_bytes), [id(2), id(3)]);
        assert_eq!(kept.ended(&id(6), 500, &by_bytes), [id(4), id(5)]);
        assert_eq!(kept.ended(&id(7), 0, &by_bytes), [id(6)]);
        assert_eq!((kept.ended.len(), kept.ended_bytes), (1, 0));
    }

    #[test]
    fn nothing_is_noted_where_all_are_kept() {
        let mut kept = KeptRuns::default();
        assert!(kept.ended(&id(1), 9, &Keep::default()).is_empty());
        assert_eq!(kept.waits(&id(2), &Keep::default()), None);
        assert!(kept.ended.is_empty() && kept.waiting.is_empty());
    }

    #[test]
    fn a_run_that_waits_again_is_the_newest() {
        let keep = Keep {
            waiting: Some(2),
            ..Keep::default()
        };
        let mut kept = KeptRuns::default();
        for run in [1, 2, 1] {
            assert_eq!(kept.waits(&id(run), &keep), None);
        }
        assert_eq!(kept.waits(&id(3), &keep), Some(id(2)));
    }
}
