use crate::{Text, Usage};

/// What each of a few models used, in the order of their ids.
///
/// A list and no map: every run has some of these, and most runs have one model.
#[derive(Debug, Default)]
pub(super) struct ByModel(Vec<(Text, Usage)>);

impl ByModel {
    /// What a model used, to be changed; nothing, if it isn't there.
    pub(super) fn of(&mut self, model: &Text) -> &mut Usage {
        let at = self.0.binary_search_by(|(id, _)| id.cmp(model));
        let at = at.unwrap_or_else(|at| {
            self.0.reserve_exact(1);
            self.0.insert(at, (model.clone(), Usage::default()));
            at
        });
        &mut self.0[at].1
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Text, Usage)> {
        self.0.iter().map(|(model, usage)| (model, *usage))
    }

    pub(super) fn total(&self) -> Usage {
        self.iter().map(|(_, usage)| usage).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_is_there_once_in_order() {
        let mut used = ByModel::default();
        for (model, tokens) in [("b", 1), ("a", 2), ("b", 3)] {
            *used.of(&model.into()) += Usage::new(tokens, 0);
        }
        let list: Vec<_> = used
            .iter()
            .map(|(id, it)| (&**id, it.input_tokens))
            .collect();
        assert_eq!(list, [("a", 2), ("b", 4)]);
        assert_eq!(used.total().input_tokens, 6);
    }
}
