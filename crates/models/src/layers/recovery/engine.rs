//! The attempts at an answer, one after the other.

use std::{sync::Arc, time::Duration};

use async_stream::stream;
use futures::{Stream, StreamExt};
use mainstem_core::{
    Model, ModelEvent, ModelRequest, NextAttempt, Notice, OutputMode, Recall, Result, TimedStream,
    Usage,
};

use super::{
    Plan, WhenCut,
    answer::{Answer, How},
    attempt::{Attempt, End},
    schedule::Schedule,
};

/// Asks until an answer is whole, or its failure stands.
///
/// The stream of a failed attempt is gone before the next one begins.
pub(super) fn recover(
    plan: Arc<Plan>,
    request: ModelRequest,
) -> impl Stream<Item = Result<ModelEvent>> + Send {
    stream! {
        let mut schedule = Schedule::begin(&plan);
        let mut answer = Answer::default();
        let mut spent = Usage::default();
        let mut goes_on = false;
        loop {
            let model = Arc::clone(schedule.model());
            let asked = asked(&plan, &request, goes_on.then_some(&*answer.text));
            let mut attempt = Attempt::begin(&plan, model.id(), &answer, goes_on);
            let mut events = TimedStream::new(model.stream(asked.clone()), plan.time_limits);
            let failure = loop {
                let end = attempt.take(events.next().await, &mut answer);
                while let Some(event) = attempt.ready.pop_front() {
                    yield Ok(event);
                }
                match end {
                    None => {}
                    Some(End::Whole) => return,
                    Some(End::Failed(failure)) => break failure,
                }
            };
            drop(events);

            let usage = attempt.usage(&plan, &asked, &failure.error);
            spent += usage;
            spent += attempt.told;
            let next = schedule.next(&failure.error);
            let how = match next {
                Some(_) => answer.go_on(&plan, &request).await,
                None => None,
            };
            let (Some(next), Some(how)) = (next, how) else {
                for item in attempt.stand(failure, &answer, spent) {
                    yield item;
                }
                return;
            };
            let mut told = NextAttempt::new(&failure.error, usage);
            told.model = next.is_other.then(|| schedule.model().id().into());
            told.is_void = how == How::Anew;
            let told = ModelEvent::from(told);
            answer.note(&told);
            yield Ok(told);
            if !next.wait.is_zero() {
                yield Ok(ModelEvent::Waiting(pause(schedule.model().id(), next.wait)));
                tokio::time::sleep(next.wait).await;
            }
            yield Ok(ModelEvent::Sending);
            goes_on = how == How::Continued;
        }
    }
}

/// What is asked of the model: all of the answer, or the rest of it.
fn asked(plan: &Plan, request: &ModelRequest, said: Option<&str>) -> ModelRequest {
    let mut asked = request.clone();
    if plan.when_cut == WhenCut::Hold {
        asked.recall = Recall::always();
    }
    let Some(said) = said else {
        return asked;
    };
    // A layer inside knows nothing of what was given before.
    asked.recall = Recall::never();
    if let Some(output) = &mut asked.output {
        // Who enforces a document makes it begin at its beginning.
        output.mode = Some(OutputMode::Prompt);
    }
    (plan.go_on)(&mut asked, said);
    asked
}

fn pause(model: &str, wait: Duration) -> Notice {
    let wait = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let message = format!("the next attempt with `{model}` begins in {wait:?}");
    Notice::new("pause", message)
}
