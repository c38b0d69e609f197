use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result, StepPath, Text, type_name::told_apart};

/// What a step is made of, as it is known before it runs.
///
/// A flow's plan is drawn by its diagram, counted for progress, and compared when a run is resumed.
/// A step that does other steps names them, in the order in which it would; the rest is a leaf.
///
/// ```
/// use mainstem_core::StepPlan;
///
/// let write = StepPlan::new("write", "agent").weight(3);
/// let guide = StepPlan::new("guide", "flow").inside([StepPlan::new("plan", "function"), write]);
/// assert_eq!(guide.total(), 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepPlan {
    /// Its name, the segment of its path.
    pub name: Text,
    /// What kind of step it is: `agent`, `function`, `parallel`, ….
    pub kind: Text,
    /// What a person should know of it besides: `at most 3 times`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
    /// The type that it takes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Text>,
    /// The type that it gives, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Text>,
    /// The words that its output is one of, where these are known: the destinations of a router, the
    /// values of an enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gives: Vec<Text>,
    /// Which version of the flow it is; none for steps that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// The versions whose runs this one can go on with, whatever has changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compatible_with: Vec<Text>,
    /// How much of the whole it is, beside its neighbours; none, if nobody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// How the steps inside belong together.
    #[serde(default, skip_serializing_if = "PlanShape::is_sequence")]
    pub shape: PlanShape,
    /// The steps inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<StepPlan>,
}

/// How the steps inside of a step belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanShape {
    /// One after the other.
    #[default]
    Sequence,
    /// All of them, at the same time.
    Together,
    /// One of them, by a decision: the arms of a branch.
    OneOf,
    /// The first, which decides; then one of the others.
    Routed,
    /// The first; the next, if that one failed.
    Until,
    /// All of them compete, and the first to finish wins.
    Race,
    /// All of them, again and again: a loop, or a map over a list.
    Repeated,
}

impl PlanShape {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
    fn is_sequence(&self) -> bool {
        *self == Self::Sequence
    }
}

impl StepPlan {
    /// A step without others inside; the rest is set by field.
    pub fn new(name: impl Into<Text>, kind: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            detail: None,
            input: None,
            output: None,
            gives: Vec::new(),
            version: None,
            compatible_with: Vec::new(),
            weight: None,
            shape: PlanShape::default(),
            inside: Vec::new(),
        }
    }

    /// Sets [`inside`](Self::inside).
    #[must_use]
    pub fn inside(mut self, steps: impl IntoIterator<Item = Self>) -> Self {
        self.inside = steps.into_iter().collect();
        self
    }

    /// Sets [`shape`](Self::shape).
    #[must_use]
    pub fn shape(mut self, shape: PlanShape) -> Self {
        self.shape = shape;
        self
    }

    /// Sets [`gives`](Self::gives).
    #[must_use]
    pub fn gives(mut self, words: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.gives = words.into_iter().map(Into::into).collect();
        self
    }

    /// Says that it gives what the steps inside give: the last one of a sequence or of a round, and any
    /// one of arms and alternatives. Sets [`gives`](Self::gives).
    ///
    /// If one of them may give any word, so may it. It is for steps whose output is what a step inside
    /// gave, as it is.
    ///
    /// ```
    /// use mainstem_core::{PlanShape, StepPlan};
    ///
    /// let (first, other) = (StepPlan::new("a", "agent"), StepPlan::new("b", "agent"));
    /// let both = [first.gives(["yes", "no"]), other.gives(["no", "later"])];
    /// let plan = StepPlan::new("f", "fallback").shape(PlanShape::Until).inside(both);
    /// assert_eq!(plan.gives_as_inside().gives, ["yes", "no", "later"]);
    /// ```
    #[must_use]
    pub fn gives_as_inside(mut self) -> Self {
        let givers = match self.shape {
            PlanShape::Sequence | PlanShape::Repeated => {
                self.inside.last().map(std::slice::from_ref)
            }
            PlanShape::OneOf | PlanShape::Race | PlanShape::Until => Some(&*self.inside),
            PlanShape::Routed => self.inside.get(1..),
            PlanShape::Together => None,
        };
        let givers = givers.unwrap_or_default();
        let mut words = Vec::new();
        if givers.iter().all(|step| !step.gives.is_empty()) {
            for word in givers.iter().flat_map(|step| &step.gives) {
                if !words.contains(word) {
                    words.push(word.clone());
                }
            }
        }
        self.gives = words;
        self
    }

    /// Sets [`detail`](Self::detail).
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Text>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets [`weight`](Self::weight).
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// How much there is to do: the weights of all steps that aren't made of others, 1 each where
    /// nobody said otherwise.
    ///
    /// Of arms the heaviest counts, of alternatives the first; what is repeated counts once, for how
    /// often isn't known. A step that has a weight of its own counts so, whatever is inside.
    pub fn total(&self) -> u64 {
        let own = self.weight.map(u64::from);
        own.or_else(|| self.total_inside()).unwrap_or(1)
    }

    /// How much there is to do inside of it, whatever its own weight; none, if it is a leaf.
    pub fn total_inside(&self) -> Option<u64> {
        if self.inside.is_empty() {
            return None;
        }
        let totals = self.inside.iter().map(Self::total);
        Some(match self.shape {
            PlanShape::OneOf | PlanShape::Race => totals.max().unwrap_or(0),
            PlanShape::Routed => {
                let mut totals = totals;
                let first = totals.next().unwrap_or(0);
                first.saturating_add(totals.max().unwrap_or(0))
            }
            PlanShape::Until => totals.take(1).sum(),
            PlanShape::Sequence | PlanShape::Together | PlanShape::Repeated => {
                totals.fold(0, u64::saturating_add)
            }
        })
    }
}

impl StepPlan {
    /// Whether a run that was begun with another plan can go on with this one.
    ///
    /// What decides is the names of the steps, their kinds and order, the types that they take and
    /// give, and the versions of flows. Details and weights may differ. Functions can't be compared:
    /// what has changed inside of one is for the version of its flow to say.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`]; it names the first step that differs, and how.
    ///
    /// ```
    /// use mainstem_core::StepPlan;
    ///
    /// let then = StepPlan::new("guide", "flow").inside([StepPlan::new("write", "function")]);
    /// let now = StepPlan::new("guide", "flow").inside([StepPlan::new("write", "agent")]);
    /// let error = now.check_resumes(&then).unwrap_err();
    /// assert!(error.message().starts_with("step `guide/write` was a `function`, and is a `agent`"));
    /// ```
    pub fn check_resumes(&self, then: &Self) -> Result<()> {
        let path = StepPath::run().child(&then.name);
        match self.difference(then, &path) {
            None => Ok(()),
            Some(difference) => Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "{difference}; resume the run with the flow that it was begun with, or, if the \
                     two go together, say so by the flow's `version` and `compatible_with`"
                ),
            )),
        }
    }

    fn difference(&self, then: &Self, path: &StepPath) -> Option<String> {
        let is_welcome = |version: &Text| self.compatible_with.contains(version);
        if then.version.as_ref().is_some_and(is_welcome) {
            return None;
        }
        let changed = |what: &str, then: &str, now: &str| {
            (then != now).then(|| format!("step `{path}` {what} `{then}`, and is a `{now}` now"))
        };
        if self.name != then.name {
            let now = &self.name;
            return Some(format!(
                "where step `{path}` was, there is a step `{now}` now"
            ));
        }
        if let (Some(then), Some(now)) = (&then.version, &self.version)
            && then != now
        {
            return Some(format!(
                "step `{path}` was of version `{then}`, and is of version `{now}` now"
            ));
        }
        changed("was a", &then.kind, &self.kind)
            .or_else(|| self.differing_type(then, path))
            .or_else(|| self.differing_inside(then, path))
    }

    fn differing_type(&self, then: &Self, path: &StepPath) -> Option<String> {
        let types = [
            ("takes", &then.input, &self.input),
            ("gives", &then.output, &self.output),
        ];
        types.into_iter().find_map(|(verb, then, now)| {
            let (then, now) = (then.as_ref()?, now.as_ref()?);
            let (was, is) = told_apart(then, now);
            let verbs = match verb {
                "takes" => "took",
                _ => "gave",
            };
            (then != now)
                .then(|| format!("step `{path}` {verbs} a `{was}`, and {verb} a `{is}` now"))
        })
    }

    fn differing_inside(&self, then: &Self, path: &StepPath) -> Option<String> {
        for (now, then) in self.inside.iter().zip(&then.inside) {
            let difference = now.difference(then, &path.child(&then.name));
            if difference.is_some() {
                return difference;
            }
        }
        let known = self.inside.len().min(then.inside.len());
        let gone = then
            .inside
            .get(known)
            .map(|step| (step, "isn't there any more"));
        let new = self.inside.get(known).map(|step| (step, "is new"));
        let (step, what) = gone.or(new)?;
        Some(format!("step `{}` {what}", path.child(&step.name)))
    }
}

/// How far a run had come with a step, over all of its rounds, items and attempts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Begun {
    /// One of them had finished: its output is in the log.
    pub(crate) finished: bool,
    /// One of them was under way.
    pub(crate) open: bool,
}

impl StepPlan {
    /// Whether a run can use what it has recorded with another plan; for plans that say that they go
    /// together.
    ///
    /// `begun` says how far each step had come, by its path of names alone. What had finished must be
    /// read as what the step gives now. What was under way goes on, and so must be of the same kind;
    /// of a question, which may be answered already, the type counts, too.
    pub(crate) fn check_record(&self, then: &Self, begun: &HashMap<StepPath, Begun>) -> Result<()> {
        let path = StepPath::run().child(&then.name);
        let difference = (self.name == then.name)
            .then(|| self.unusable(then, &path, begun))
            .flatten();
        let Some(difference) = difference else {
            return Ok(());
        };
        let message = format!(
            "{difference}; what it has recorded can't be used, also by a flow that is \
             `compatible_with` that version: put it back as it was, or give the step another name"
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    fn unusable(
        &self,
        then: &Self,
        path: &StepPath,
        begun: &HashMap<StepPath, Begun>,
    ) -> Option<String> {
        let begun_here = begun.get(path)?;
        if begun_here.open && self.kind != then.kind {
            let (was, is) = (&then.kind, &self.kind);
            return Some(format!("step `{path}` was a `{was}`, and is a `{is}` now"));
        }
        let is_asked = begun_here.open && then.kind == "ask";
        if (begun_here.finished || is_asked)
            && let (Some(was), Some(is)) = (&then.output, &self.output)
            && was != is
        {
            let (was, is) = told_apart(was, is);
            return Some(format!(
                "step `{path}` gave a `{was}`, and gives a `{is}` now"
            ));
        }
        let mut seen: HashMap<&Text, usize> = HashMap::new();
        then.inside.iter().find_map(|then| {
            let nth = seen.entry(&then.name).or_default();
            let now = self
                .inside
                .iter()
                .filter(|now| now.name == then.name)
                .nth(*nth);
            *nth += 1;
            now?.unusable(then, &path.child(&then.name), begun)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_is_counted_by_the_shape() {
        let leaf = |weight| StepPlan::new("x", "function").weight(weight);
        let of = |shape| {
            StepPlan::new("y", "any")
                .shape(shape)
                .inside([leaf(2), leaf(3)])
        };
        for (shape, total) in [
            (PlanShape::Sequence, 5),
            (PlanShape::Together, 5),
            (PlanShape::OneOf, 3),
            (PlanShape::Routed, 5),
            (PlanShape::Race, 3),
            (PlanShape::Until, 2),
            (PlanShape::Repeated, 5),
        ] {
            assert_eq!(of(shape).total(), total, "{shape:?}");
        }
        let heavy = of(PlanShape::Sequence).weight(9);
        assert_eq!((heavy.total(), heavy.total_inside()), (9, Some(5)));
        assert_eq!(StepPlan::new("x", "function").total(), 1);
    }

    #[test]
    fn what_it_gives_is_seen_by_the_shape() {
        let leaf = |words: &[&str]| StepPlan::new("x", "agent").gives(words.iter().copied());
        let of = |shape, steps: [&[&str]; 3]| {
            let plan = StepPlan::new("y", "any").shape(shape);
            plan.inside(steps.map(leaf)).gives_as_inside().gives
        };
        let known: [&[&str]; 3] = [&["a"], &["b", "c"], &["c", "d"]];
        for (shape, words) in [
            (PlanShape::Sequence, vec!["c", "d"]),
            (PlanShape::Repeated, vec!["c", "d"]),
            (PlanShape::OneOf, vec!["a", "b", "c", "d"]),
            (PlanShape::Race, vec!["a", "b", "c", "d"]),
            (PlanShape::Until, vec!["a", "b", "c", "d"]),
            (PlanShape::Routed, vec!["b", "c", "d"]),
            (PlanShape::Together, vec![]),
        ] {
            assert_eq!(of(shape, known), words, "{shape:?}");
        }
        // One that may give any word.
        let unknown: [&[&str]; 3] = [&["a"], &[], &["c"]];
        assert!(of(PlanShape::OneOf, unknown).is_empty());
        assert!(of(PlanShape::Routed, unknown).is_empty());
        assert_eq!(of(PlanShape::Sequence, unknown), ["c"]);
        let empty = StepPlan::new("y", "any").gives(["a"]).gives_as_inside();
        assert!(empty.gives.is_empty());
    }

    fn flow(steps: &[&str]) -> StepPlan {
        let steps = steps.iter().map(|name| {
            let mut step = StepPlan::new(*name, "function");
            step.output = Some("u8".into());
            step
        });
        let mut flow = StepPlan::new("f", "flow").inside(steps);
        flow.version = Some("1".into());
        flow
    }

    #[test]
    fn the_first_step_that_differs_is_named() {
        let then = flow(&["a", "b"]);
        assert!(flow(&["a", "b"]).check_resumes(&then).is_ok());
        let mut typed = flow(&["a", "b"]);
        typed.inside[1].output = Some("u16".into());
        for (now, expected) in [
            (
                flow(&["a", "c"]),
                "where step `f/b` was, there is a step `c` now",
            ),
            (flow(&["a"]), "step `f/b` isn't there any more"),
            (flow(&["a", "b", "c"]), "step `f/c` is new"),
            (typed, "step `f/b` gave a `u8`, and gives a `u16` now"),
        ] {
            let error = now.check_resumes(&then).unwrap_err();
            assert!(error.message().starts_with(expected), "{error}");
            assert_eq!(error.kind(), ErrorKind::Conflict);
        }
    }

    #[test]
    fn a_version_says_what_it_goes_with() {
        let then = flow(&["a"]);
        let mut same = flow(&["a"]);
        same.version = Some("2".into());
        let error = same.check_resumes(&then).unwrap_err();
        let expected = "step `f` was of version `1`, and is of version `2` now";
        assert!(error.message().starts_with(expected), "{error}");
        let mut now = flow(&["x"]);
        now.version = Some("2".into());
        assert!(now.check_resumes(&then).is_err());
        now.compatible_with.push("1".into());
        assert!(now.check_resumes(&then).is_ok());
        now.compatible_with[0] = "0".into();
        assert!(now.check_resumes(&then).is_err());
    }
}
