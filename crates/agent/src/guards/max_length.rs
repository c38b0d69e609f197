use mainstem_core::Text;

use super::{InputGuard, OutputGuard, Verdict};

/// A guard against texts that are too long, of the name `max_length`: an input, or an answer, which is
/// refused at the first piece that goes beyond.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::test_util::ScriptedModel;
/// # let model = ScriptedModel::new().answer(["Birds ", "fly."]);
/// use mainstem_agent::{Agent, MaxLength};
///
/// let agent = Agent::builder(model)
///     .guard_input(MaxLength::chars(1000))
///     .guard_output(MaxLength::chars(8))
///     .build()?;
/// let error = agent.run("Tell me.").await.unwrap_err();
/// assert_eq!(error.message(), "guard `max_length` refused the output");
/// assert_eq!(error.partial().unwrap().text, "Birds ");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxLength {
    chars: usize,
}

const NAME: &str = "max_length";

impl MaxLength {
    /// At most so many characters, as Unicode counts them (`char`).
    pub fn chars(chars: usize) -> Self {
        Self { chars }
    }

    fn verdict(self, chars: usize) -> Verdict {
        let most = self.chars;
        Verdict::refuse_if(chars > most, format!("it is longer than {most} characters"))
    }
}

impl From<MaxLength> for InputGuard {
    fn from(limit: MaxLength) -> Self {
        Self::new(NAME, move |input: Text| {
            limit.verdict(input.chars().count())
        })
    }
}

impl From<MaxLength> for OutputGuard {
    fn from(limit: MaxLength) -> Self {
        Self::streaming(NAME, move || {
            let mut chars = 0;
            move |piece: &str| {
                chars += piece.chars().count();
                limit.verdict(chars)
            }
        })
    }
}
