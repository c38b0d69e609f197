//! The flows that come with the program: each in a file of its own.

mod experts;
mod guide;
mod research;
mod review;

use std::sync::Arc;

use mainstem::{Error, ErrorKind, Flow, Model, Result};

/// A flow that comes with the program.
pub(crate) struct Bundled {
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    build: fn(&Arc<dyn Model>) -> Result<Answering>,
}

/// A flow that answers a question.
pub(crate) type Answering = Flow<String, String>;

pub(crate) const FLOWS: &[Bundled] = &[
    guide::BUNDLED,
    experts::BUNDLED,
    review::BUNDLED,
    research::BUNDLED,
];

impl Bundled {
    /// The flow, on a model.
    pub(crate) fn build(&self, model: &Arc<dyn Model>) -> Result<Answering> {
        (self.build)(model)
    }
}

/// The flow of that name.
pub(crate) fn named(name: &str) -> Result<&'static Bundled> {
    let found = FLOWS.iter().find(|flow| flow.name == name);
    found.ok_or_else(|| Error::new(ErrorKind::Input, unknown(name)))
}

fn unknown(name: &str) -> String {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    let known: Vec<_> = FLOWS.iter().map(|flow| flow.name).collect();
    let nearest = known.iter().copied().min_by_key(distance);
    match nearest.filter(|nearest| distance(nearest) <= 2 || nearest.starts_with(name)) {
        Some(nearest) => format!("there is no flow `{name}`; did you mean `{nearest}`?"),
        None => format!("there is no flow `{name}`; there are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use mainstem::{Step as _, models::demo::DemoModel};

    use super::*;

    #[test]
    fn each_flow_goes_by_its_name() {
        let model: Arc<dyn Model> = Arc::new(DemoModel::new());
        for bundled in FLOWS {
            let flow = bundled.build(&model).unwrap();
            assert_eq!(flow.name(), bundled.name);
            assert!(flow.plan().inside.len() > 1);
            assert!(named(bundled.name).is_ok_and(|found| found.about == bundled.about));
        }
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        assert!(unknown("giude").ends_with("did you mean `guide`?"));
        assert!(unknown("exp").ends_with("did you mean `experts`?"));
        assert!(unknown("elsewhere").contains("there are: guide, experts"));
    }
}
