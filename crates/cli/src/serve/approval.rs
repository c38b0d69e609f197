//! `approval`: a person is asked, and the run goes on with the answer; after a restart, too.

use mainstem::{Flow, Question, RunContext, StepResult, TextDelta};

pub(super) fn flow() -> Flow<String, String> {
    Flow::<String>::new("approval")
        .step("check", check)
        .ask::<bool>("approve", |order: &String| {
            Question::new(format!("{order}: shall it be done?"))
        })
        .step("act", act)
}

async fn check(ctx: RunContext, order: String) -> StepResult<String> {
    let order = order.trim().trim_end_matches('.').to_owned();
    ctx.emit(TextDelta::new("A person has to allow that.\n"))
        .await;
    Ok(order)
}

async fn act(ctx: RunContext, (order, yes): (String, bool)) -> StepResult<String> {
    let done = if yes { "Done" } else { "Not done" };
    let said = format!("{done}: {order}.");
    ctx.emit(TextDelta::new(said.as_str())).await;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use mainstem::{MemoryStore, Outcome};

    use super::*;

    #[tokio::test]
    async fn it_does_what_is_allowed_and_nothing_else() {
        for (yes, said) in [(true, "Done: Pay 7 €."), (false, "Not done: Pay 7 €.")] {
            let store = MemoryStore::new();
            let run = flow().run("Pay 7 €.").store(store.clone());
            let Ok(Outcome::Suspended(asked)) = run.outcome().await else {
                panic!("it asks");
            };
            assert_eq!(asked.requests[0].prompt, "Pay 7 €: shall it be done?");
            let answered = asked.answer("approve", &yes).unwrap();
            let result = flow().resume(answered).store(store).await.unwrap();
            assert_eq!(result.output, said);
        }
    }
}
