use std::{borrow::Cow, cmp::Ordering, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Where in a run an event comes from: the steps from the outermost inwards.
///
/// Written `guide/views[0]/expert#2`: names joined by `/`, `[n]` for the n-th round of a loop,
/// item of a map or branch of a parallel step (from 0), `#n` for an attempt after the first. The
/// run itself is the empty path. In names, `%`, `/`, `[`, `]` and `#` are percent-encoded.
///
/// ```
/// use mainstem_core::StepPath;
///
/// let path = StepPath::run().child("views").index(0).child("expert").attempt(2);
/// assert_eq!(path.to_string(), "views[0]/expert#2");
/// assert!(path.is_within(&StepPath::run().child("views").index(0)));
/// let last = path.last().unwrap();
/// assert_eq!((last.name().as_ref(), last.index(), last.attempt()), ("expert", None, 2));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(Arc<str>);

/// Step by step: by name, then index, then attempt, so that `views[2]` comes before `views[10]`.
impl Ord for StepPath {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |step: Segment<'_>| (step.index(), step.attempt());
        let (mut left, mut right) = (self.segments(), other.segments());
        loop {
            let order = match (left.next(), right.next()) {
                // Texts that no `StepPath` writes may differ and yet have the same steps.
                (None, None) => return self.0.cmp(&other.0),
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(a), Some(b)) => a.raw_name().cmp(b.raw_name()).then(key(a).cmp(&key(b))),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
    }
}

impl PartialOrd for StepPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl StepPath {
    /// The path of the run itself: empty.
    pub fn run() -> Self {
        Self("".into())
    }

    /// Whether this is the run itself.
    pub fn is_run(&self) -> bool {
        self.0.is_empty()
    }

    /// The path of a step inside of this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let name = encode(name);
        if self.is_run() {
            Self(name.into())
        } else {
            Self(format!("{}/{name}", self.0).into())
        }
    }

    /// The same step, as the `index`-th of its kind (from 0). The run itself has no index.
    #[must_use]
    pub fn index(&self, index: u32) -> Self {
        self.with_last(Some(index), self.last().map_or(1, |last| last.attempt()))
    }

    /// The same step, at its `attempt`-th attempt (from 1). The run itself has no attempts.
    #[must_use]
    pub fn attempt(&self, attempt: u32) -> Self {
        self.with_last(self.last().and_then(|last| last.index()), attempt)
    }

    fn with_last(&self, index: Option<u32>, attempt: u32) -> Self {
        let Some(last) = self.last() else {
            return self.clone();
        };
        let mut path = self.0[..self.0.len() - last.0.len()].to_owned();
        path.push_str(last.raw_name());
        if let Some(index) = index {
            path.push_str(&format!("[{index}]"));
        }
        if attempt > 1 {
            path.push_str(&format!("#{attempt}"));
        }
        Self(path.into())
    }

    /// The path that this one is directly inside of; none for the run itself.
    pub fn parent(&self) -> Option<Self> {
        if self.is_run() {
            return None;
        }
        let end = self.0.rfind('/').unwrap_or(0);
        Some(Self(self.0[..end].into()))
    }

    /// The steps, from the outermost inwards.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = Segment<'_>> {
        self.0
            .split('/')
            .filter(|part| !part.is_empty())
            .map(Segment)
    }

    /// The innermost step; none for the run itself.
    pub fn last(&self) -> Option<Segment<'_>> {
        self.segments().next_back()
    }

    /// How many steps deep it is; 0 for the run itself.
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    /// Whether this is `other` or a path inside of it, step by step.
    ///
    /// A step of `other` without an index stands for all of its indices: all branches of a parallel
    /// step, all rounds of a loop. Attempts stand for themselves alone: a step without `#n` is the
    /// first one.
    ///
    /// | path | is within | isn't within |
    /// |---|---|---|
    /// | `guide/views[0]/expert` | `guide`, `guide/views`, `guide/views[0]` | `guide/views[1]`, `gui` |
    /// | `views[0]#2` | `views#2`, `views[0]#2` | `views`, `views[0]` |
    /// | `views` | `views` | `views[0]`, `views#2` |
    ///
    /// ```
    /// use mainstem_core::StepPath;
    ///
    /// let views = StepPath::run().child("views");
    /// let expert = views.index(0).child("expert");
    /// assert!(expert.is_within(&views));
    /// assert!(!expert.is_within(&views.index(1)));
    /// assert!(!views.index(0).attempt(2).is_within(&views));
    /// ```
    pub fn is_within(&self, other: &Self) -> bool {
        let mut steps = self.segments();
        other
            .segments()
            .all(|outer| steps.next().is_some_and(|step| step.is_covered_by(outer)))
    }

    /// The same path, with `to` in place of its beginning `from`, of which it may be a branch; as it
    /// is, if it begins otherwise.
    pub(crate) fn moved(&self, from: &Self, to: &Self) -> Self {
        if !self.is_within(from) || from.is_run() {
            return self.clone();
        }
        let mut steps = self.segments().skip(from.depth() - 1);
        let branch = steps.next().and_then(Segment::index);
        let begins = match branch {
            Some(branch) => to.index(branch),
            None => to.clone(),
        };
        let path = steps.fold(begins.0.to_string(), |path, step| path + "/" + step.0);
        Self(path.into())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for StepPath {
    fn default() -> Self {
        Self::run()
    }
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// One step of a [`StepPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a>(&'a str);

impl<'a> Segment<'a> {
    fn raw_name(self) -> &'a str {
        &self.0[..self.0.find(['[', '#']).unwrap_or(self.0.len())]
    }

    /// Whether it is the same step at the same attempt, with any index where the other has none.
    fn is_covered_by(self, other: Segment<'_>) -> bool {
        self.raw_name() == other.raw_name()
            && self.attempt() == other.attempt()
            && (other.index().is_none() || self.index() == other.index())
    }

    /// The step's name, as it was given.
    pub fn name(self) -> Cow<'a, str> {
        decode(self.raw_name())
    }

    /// Which round, item or branch it is, from 0.
    pub fn index(self) -> Option<u32> {
        let start = self.0.find('[')? + 1;
        let end = self.0.find(']')?;
        self.0.get(start..end)?.parse().ok()
    }

    /// Which attempt it is, from 1.
    pub fn attempt(self) -> u32 {
        self.0
            .find('#')
            .and_then(|at| self.0[at + 1..].parse().ok())
            .unwrap_or(1)
    }
}

const RESERVED: [char; 5] = ['%', '/', '[', ']', '#'];

fn encode(name: &str) -> Cow<'_, str> {
    if name.is_empty() {
        return Cow::Borrowed("%");
    }
    if !name.contains(RESERVED) {
        return Cow::Borrowed(name);
    }
    let mut encoded = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if RESERVED.contains(&c) {
            encoded.push_str(&format!("%{:02X}", c as u32));
        } else {
            encoded.push(c);
        }
    }
    Cow::Owned(encoded)
}

fn decode(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    if name == "%" {
        return Cow::Borrowed("");
    }
    let mut decoded = name.to_owned();
    // `%` itself last, or what it stood for would be decoded twice.
    for c in RESERVED.iter().rev() {
        decoded = decoded.replace(&format!("%{:02X}", *c as u32), &c.to_string());
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_within_its_prefixes_by_whole_steps() {
        let path = StepPath::run().child("a").child("b");
        assert!(path.is_within(&StepPath::run()));
        assert!(path.is_within(&StepPath::run().child("a")));
        assert!(path.is_within(&path));
        assert!(
            !StepPath::run()
                .child("ab")
                .is_within(&StepPath::run().child("a"))
        );
        assert_eq!(path.parent(), Some(StepPath::run().child("a")));
        assert_eq!(StepPath::run().parent(), None);
    }

    #[test]
    fn a_step_without_an_index_covers_its_branches_at_the_same_attempt() {
        let views = StepPath::run().child("guide").child("views");
        let expert = views.index(0).child("expert");
        for outer in [&views, &views.index(0), &expert, &StepPath::run()] {
            assert!(expert.is_within(outer), "{outer}");
        }
        for outer in [views.index(1), views.attempt(2), expert.attempt(2)] {
            assert!(!expert.is_within(&outer), "{outer}");
        }
        let again = views.index(0).attempt(2);
        assert!(again.is_within(&views.attempt(2)));
        assert!(again.child("expert").is_within(&views.attempt(2)));
        for outer in [&views, &views.index(0)] {
            assert!(!again.is_within(outer), "{outer}");
        }
        assert!(!views.attempt(2).is_within(&views));
        assert!(!views.is_within(&views.attempt(2)));
        assert!(!views.is_within(&views.index(0)));
    }

    #[test]
    fn branches_are_in_the_order_of_their_numbers() {
        let branch = |index| StepPath::run().child("views").index(index);
        assert!(branch(2) < branch(10));
        assert!(branch(2) < branch(2).attempt(2));
        assert!(branch(2) < branch(2).child("expert"));
        assert!(branch(2).child("expert") < branch(10));
    }

    #[test]
    fn a_path_moves_with_its_beginning() {
        let path = |text: &str| StepPath(text.into());
        for (moves, from, to, moved) in [
            ("f/a/x", "f/a", "f/a#2", "f/a#2/x"),
            ("f/a", "f/a", "f/a#2", "f/a#2"),
            ("f/a/m[1]/x", "f/a/m", "f/a#2/m", "f/a#2/m[1]/x"),
            ("m[1]#2/x", "m#2", "m#3", "m[1]#3/x"),
            ("m[1]/x", "m[1]", "m[1]#2", "m[1]#2/x"),
            ("f/ab/x", "f/a", "f/a#2", "f/ab/x"),
        ] {
            assert_eq!(path(moves).moved(&path(from), &path(to)), path(moved));
        }
    }

    /// A step of a path: a name of few, so that paths meet; an index; an attempt.
    type Step = (&'static str, Option<u32>, u32);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let name = prop::sample::select(vec!["a", "ab", "a/b"]);
        prop::collection::vec((name, prop::option::of(0u32..3), 1u32..3), 0..4)
    }

    fn path_of(steps: &[Step]) -> StepPath {
        steps
            .iter()
            .fold(StepPath::run(), |path, (name, index, attempt)| {
                let step = path.child(name);
                index
                    .map_or(step.clone(), |index| step.index(index))
                    .attempt(*attempt)
            })
    }

    proptest! {
        #[test]
        fn within_is_step_by_step(inner in steps(), mut outer in steps(), cut in 0usize..4, bare: [bool; 4]) {
            // Half of the time, a prefix of the inner path, here and there without its index.
            if cut < 3 {
                outer = inner.iter().take(cut).copied().collect();
                for (step, _) in outer.iter_mut().zip(bare).filter(|(_, bare)| *bare) {
                    step.1 = None;
                }
            }
            let same = |step: &Step, other: &Step| {
                step.0 == other.0 && step.2 == other.2 && (other.1.is_none() || step.1 == other.1)
            };
            let expected = outer.len() <= inner.len()
                && outer.iter().zip(&inner).all(|(other, step)| same(step, other));
            prop_assert_eq!(path_of(&inner).is_within(&path_of(&outer)), expected);
            prop_assert!(cut == 3 || expected);
        }

        #[test]
        fn names_survive(names in prop::collection::vec("\\PC*", 1..4), index: Option<u32>, attempt in 1u32..9) {
            let mut path = StepPath::run();
            for name in &names {
                path = path.child(name);
            }
            if let Some(index) = index {
                path = path.index(index);
            }
            path = path.attempt(attempt);
            let read: Vec<_> = path.segments().map(|s| s.name().into_owned()).collect();
            prop_assert_eq!(read, names);
            let last = path.last().unwrap();
            prop_assert_eq!(last.index(), index);
            prop_assert_eq!(last.attempt(), attempt);
        }
    }
}
