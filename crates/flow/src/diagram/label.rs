//! The words of a picture.

use std::time::Duration;

use mainstem_core::PlanShape;

use super::{
    escape::clean,
    layout::{Layout, Planned, Spot},
    state::{DiagramState, Status},
};

/// What stands beside each step.
pub(super) struct Labels<'a> {
    pub(super) layout: &'a Layout,
    pub(super) state: Option<&'a DiagramState>,
}

impl Labels<'_> {
    /// How a step is; none in a picture without a run.
    pub(super) fn status(&self, spot: Spot) -> Option<Status> {
        self.state.map(|state| state.status(spot))
    }

    /// The name, after the sign of its status.
    pub(super) fn name(&self, spot: Spot) -> String {
        let name = self.bare_name(spot);
        match self.status(spot) {
            Some(status) => format!("{} {name}", status.sign()),
            None => name,
        }
    }

    /// The name alone; two quotes, if nothing of it can be seen.
    pub(super) fn bare_name(&self, spot: Spot) -> String {
        let name = clean(&self.layout.at(spot).name);
        match name.trim() {
            "" => "\"\"".to_owned(),
            _ => name,
        }
    }

    /// What kind of step it is, unless it is called so; how those inside belong together, and its
    /// detail. Empty, if there is nothing to say.
    pub(super) fn kind(&self, spot: Spot) -> String {
        let step = self.layout.at(spot);
        let kind = (step.kind != step.name).then(|| clean(&step.kind));
        let words = words_for(step).map(str::to_owned);
        let detail = step.detail.as_deref().map(clean);
        let said: Vec<_> = [kind, words, detail].into_iter().flatten().collect();
        said.join(", ")
    }

    /// What is known of it from the run: counts, attempts and times; empty, if nothing is.
    pub(super) fn facts(&self, spot: Spot) -> String {
        let facts = self.state.map(|state| state.facts(spot));
        facts.unwrap_or_default().join(", ")
    }
}

fn words_for(step: &Planned) -> Option<&'static str> {
    match step.shape {
        PlanShape::Together => Some("at the same time"),
        PlanShape::OneOf => Some("one of"),
        PlanShape::Routed => Some("the first says which"),
        PlanShape::Until => Some("until one succeeds"),
        PlanShape::Race => Some("first to finish"),
        PlanShape::Repeated => {
            let says_so = matches!(&*step.kind, "map" | "repeat");
            (!says_so).then_some("again and again")
        }
        // A sequence needs no words; a newer shape has none yet.
        _ => None,
    }
}

/// A time, as exact as somebody wants to know it.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=59 => format!("{:.1} s", time.as_millis() as f64 / 1000.0),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_they_are_short() {
        let words = |millis| duration(Duration::from_millis(millis));
        assert_eq!(words(0), "0 ms");
        assert_eq!(words(999), "999 ms");
        assert_eq!(words(1250), "1.2 s");
        assert_eq!(words(60_000), "1 min 0 s");
        assert_eq!(words(125_900), "2 min 5 s");
    }
}
