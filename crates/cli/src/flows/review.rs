use std::sync::Arc;

use mainstem::{
    Agent, Flow, Model, Result, by, named,
    schemars::{self, JsonSchema},
    up_to,
};
use serde::{Deserialize, Serialize};

use super::{Answering, Bundled};

pub(super) const BUNDLED: Bundled = Bundled {
    name: "review",
    about: "an answer is written, judged and rewritten, until it is good or the third is judged",
    build,
};

/// From which score on an answer is good.
const GOOD: u8 = 8;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "schemars")]
struct Verdict {
    /// From 0 to 10.
    score: u8,
    advice: String,
}

/// What a round gives, and the next one takes.
#[derive(Debug, Serialize, Deserialize)]
struct Draft {
    /// Before the first round the question.
    text: String,
    verdict: Option<Verdict>,
}

/// What becomes of the last draft.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Publish,
    Shelve,
}

impl Draft {
    fn first(question: String) -> Self {
        Self {
            text: question,
            verdict: None,
        }
    }

    fn judged((verdict, text): (Verdict, String)) -> Self {
        Self {
            text,
            verdict: Some(verdict),
        }
    }

    fn request(&self) -> String {
        match &self.verdict {
            None => self.text.clone(),
            Some(verdict) => format!("Answer anew. {}", verdict.advice),
        }
    }

    fn is_good(&self) -> bool {
        let verdict = self.verdict.as_ref();
        verdict.is_some_and(|verdict| verdict.score >= GOOD)
    }

    fn end(&self) -> End {
        if self.is_good() {
            End::Publish
        } else {
            End::Shelve
        }
    }
}

fn build(model: &Arc<dyn Model>) -> Result<Answering> {
    // A thread of its own: the writer knows the question, and what it wrote.
    let writer = Agent::builder(Arc::clone(model)).thread("drafts").build()?;
    let judge = Agent::builder(Arc::clone(model))
        .name("judge")
        .output::<Verdict>()
        .build()?;
    let round = Flow::new("round")
        .step("write", writer.prompt(Draft::request))
        .parallel("check", (judge, named("text", |text: String| text)))
        .step("note", Draft::judged);
    Ok(Flow::<String>::new("review")
        .step("begin", Draft::first)
        .repeat(
            "improve",
            up_to(3, round).until(Draft::is_good).or_keep_last(),
        )
        .branch(
            "decide",
            by(Draft::end)
                .arm(End::Publish, |draft: Draft| draft.text)
                .arm(End::Shelve, |draft: Draft| {
                    format!("Not yet:\n\n{}", draft.text)
                }),
        ))
}
