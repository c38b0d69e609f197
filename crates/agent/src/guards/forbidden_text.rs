use std::sync::Arc;

use mainstem_core::Text;

use super::{InputGuard, OutputGuard, OutputWatch, Verdict, replaced_text::Replacing};

/// A guard against texts that hold one of a list: an input, or an answer, wherever its pieces were cut.
///
/// Of an answer, what may be the beginning of such a text isn't shown before it is known that it isn't
/// one: so nothing of it ever is, and all else streams at once. In JSON it looks for the text as it stands
/// there, and a model may write any character of a string as `\u0041`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::test_util::ScriptedModel;
/// # let model = ScriptedModel::new().answer(["It is project BLUE", "jay."]);
/// use mainstem_agent::{Agent, ForbiddenText, GuardRefusal};
///
/// let names = ForbiddenText::new("code_names", ["bluejay", "wren"]).ignore_ascii_case();
/// let agent = Agent::builder(model).guard_output(names).build()?;
/// let error = agent.run("Which project is it?").await.unwrap_err();
/// assert_eq!(GuardRefusal::of(&error).unwrap().guard(), "code_names");
/// assert_eq!(error.partial().unwrap().text, "It is project ");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ForbiddenText {
    name: Text,
    texts: Arc<[String]>,
    ignores_case: bool,
    instead: Option<Text>,
}

const REASON: &str = "it holds a text that is forbidden";

impl ForbiddenText {
    /// The texts that are forbidden, with the guard's name. Empty ones are left out.
    pub fn new<I>(name: impl Into<Text>, texts: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let texts = texts.into_iter().map(Into::into);
        Self {
            name: name.into(),
            texts: texts.filter(|text: &String| !text.is_empty()).collect(),
            ignores_case: false,
            instead: None,
        }
    }

    /// Takes the letters A to Z for the same as a to z.
    #[must_use]
    pub fn ignore_ascii_case(mut self) -> Self {
        let lower = self.texts.iter().map(|text| text.to_ascii_lowercase());
        self.texts = lower.collect();
        self.ignores_case = true;
        self
    }

    /// Replaces them by this, instead of refusing what holds them: the first one, and of those that begin in
    /// the same place the longest.
    ///
    /// What comes of it isn't looked at again: so don't replace them by nothing, for what stood around one
    /// may be one itself, put together. Of an answer it is for text alone: see [`OutputGuard::rewriting`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer(["It is project BLUE", "jay, no", "t bluebird."]);
    /// use mainstem_agent::{Agent, ForbiddenText};
    ///
    /// let names = ForbiddenText::new("code_names", ["bluejay", "wren"])
    ///     .ignore_ascii_case()
    ///     .replace_by("[…]");
    /// let agent = Agent::builder(model).guard_output(names).build()?;
    /// let mut run = agent.run_streamed("Which project is it?");
    /// assert_eq!(run.next_text().await?.unwrap(), "It is project ");
    /// assert_eq!(run.next_text().await?.unwrap(), "[…], no");
    /// assert_eq!(run.await?.output, "It is project […], not bluebird.");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn replace_by(mut self, instead: impl Into<Text>) -> Self {
        self.instead = Some(instead.into());
        self
    }

    fn replacing(&self, instead: Text) -> Replacing {
        Replacing::new(Arc::clone(&self.texts), self.ignores_case, instead)
    }

    fn search(&self) -> Search {
        Search {
            longest: self.texts.iter().map(String::len).max().unwrap_or(0),
            texts: Arc::clone(&self.texts),
            ignores_case: self.ignores_case,
            window: String::new(),
        }
    }
}

/// The search in one text, piece by piece.
struct Search {
    texts: Arc<[String]>,
    ignores_case: bool,
    longest: usize,
    /// The end of what has come: as much as a forbidden text can begin in.
    window: String,
}

impl OutputWatch for Search {
    fn check(&mut self, piece: &str) -> Verdict {
        // What a forbidden text that ends in this piece can begin in.
        let mut first = self.window.len().saturating_sub(self.longest);
        while !self.window.is_char_boundary(first) {
            first -= 1;
        }
        self.window.drain(..first);
        let new = self.window.len();
        self.window.push_str(piece);
        if self.ignores_case {
            self.window[new..].make_ascii_lowercase();
        }
        let found = self.texts.iter().any(|text| self.window.contains(&**text));
        Verdict::refuse_if(found, REASON)
    }

    /// The longest end of what has come that a forbidden text begins with.
    fn holds(&self) -> usize {
        let window = self.window.as_bytes();
        let begun = self.texts.iter().map(|text| {
            let text = text.as_bytes();
            let most = window.len().min(text.len().saturating_sub(1));
            let ends = |length: &usize| window.ends_with(&text[..*length]);
            (1..=most).rev().find(ends).unwrap_or(0)
        });
        begun.max().unwrap_or(0)
    }
}

impl From<ForbiddenText> for InputGuard {
    fn from(forbidden: ForbiddenText) -> Self {
        let name = forbidden.name.clone();
        match forbidden.instead.clone() {
            None => Self::new(name, move |input: Text| forbidden.search().check(&input)),
            Some(instead) => Self::rewriting(name, move |input: Text| {
                forbidden.replacing(instead.clone()).all(&input)
            }),
        }
    }
}

impl From<ForbiddenText> for OutputGuard {
    fn from(forbidden: ForbiddenText) -> Self {
        let name = forbidden.name.clone();
        match forbidden.instead.clone() {
            None => Self::streaming(name, move || forbidden.search()),
            Some(instead) => Self::rewriting(name, move || forbidden.replacing(instead.clone())),
        }
    }
}

/// The texts may be secrets.
impl std::fmt::Debug for ForbiddenText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForbiddenText")
            .field("name", &self.name)
            .field("texts", &self.texts.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guards::shown_before;

    /// So a piece costs the same, however much came before.
    #[test]
    fn no_more_is_kept_than_a_match_can_be_long() {
        let mut search = ForbiddenText::new("it", ["forbidden"]).search();
        for _ in 0..10_000 {
            assert_eq!(search.check("forbidde é "), Verdict::Allow);
            assert!(search.window.len() <= "forbidden".len() + 3 + "forbidde é ".len());
        }
    }

    proptest! {
        /// Whatever the pieces, a text is found where it is, and nothing of it was shown before.
        #[test]
        fn it_is_found_across_pieces_and_nothing_of_it_is_shown(
            texts in prop::collection::vec("[abé]{1,5}", 1..4),
            pieces in prop::collection::vec("[abAé ]{0,4}", 0..12),
            ignores_case: bool,
        ) {
            let mut forbidden = ForbiddenText::new("it", texts);
            if ignores_case {
                forbidden = forbidden.ignore_ascii_case();
            }
            let whole = pieces.concat();
            let lowered = if ignores_case { whole.to_ascii_lowercase() } else { whole.clone() };
            let first = forbidden.texts.iter().filter_map(|text| lowered.find(&**text)).min();
            let (shown, refused) = shown_before(&mut forbidden.search(), &pieces);
            prop_assert_eq!(refused, first.is_some());
            if let Some(first) = first {
                prop_assert!(shown <= first, "{} of {:?}", shown, whole);
            }
        }
    }
}
