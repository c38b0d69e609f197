//! The trees of progress that were asked for last: who asks again pays for what came since.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use mainstem_core::{Place, RunId};
use mainstem_progress::ProgressTree;

/// How many are kept; of the others the log is folded anew.
const MOST: usize = 64;

/// Trees by their runs, the one that was asked for last at the end.
#[derive(Default)]
pub(crate) struct KeptTrees(Mutex<VecDeque<KeptTree>>);

pub(super) struct KeptTree {
    pub(super) run: RunId,
    pub(super) tree: ProgressTree,
    /// The last event that it has taken in.
    pub(super) at: Option<Place>,
}

impl KeptTrees {
    /// Takes the tree of a run away. Of two who ask at once, one begins anew: nobody waits for another.
    pub(super) fn take(&self, run: &RunId) -> Option<KeptTree> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|tree| tree.run == *run)?;
        kept.remove(at)
    }

    /// Keeps a tree; the one that nobody has asked for the longest time goes for it.
    pub(super) fn keep(&self, tree: KeptTree) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.run != tree.run);
        kept.push_back(tree);
        if kept.len() > MOST {
            kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(run: usize) -> KeptTree {
        KeptTree {
            run: run.to_string().into(),
            tree: ProgressTree::new("jays"),
            at: None,
        }
    }

    #[test]
    fn a_bounded_number_is_kept_each_run_once_and_the_newest() {
        let kept = KeptTrees::default();
        for run in (0..=MOST).chain([1]) {
            kept.keep(tree(run));
        }
        assert_eq!(kept.0.lock().unwrap().len(), MOST);
        assert!(kept.take(&"0".into()).is_none());
        assert!(kept.take(&"1".into()).is_some());
        assert!(kept.take(&"1".into()).is_none());
        assert!(kept.take(&MOST.to_string().as_str().into()).is_some());
    }
}
