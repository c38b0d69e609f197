//! What is around a recovery, and inside of it; and what it is made of.

use mainstem_agent::Agent;
use mainstem_core::{
    ErrorKind, Model, ModelRequest, ModelStream, OutputMode, OutputSpec, Recall, TimeLimits,
    test_util::{Script, ScriptedModel},
};
use mainstem_models::{Breaker, ModelExt, Recovery, WhenCut};
use mainstem_structured::Schema;
use tokio::time::Instant;

use crate::{Read, SECOND, cut, failing, half, recovery, status};

#[tokio::test(start_paused = true)]
async fn recoveries_go_into_each_other() {
    let model = ScriptedModel::new()
        .script(cut("Ja"))
        .script(failing(status(401)));
    let inner = recovery(&model).when_cut(WhenCut::Restart).build().unwrap();
    let other = ScriptedModel::new().answer(["Wren"]);
    let outer = Recovery::of(inner.clone()).fallback(other).build().unwrap();
    let read = Read::of(&outer, Recall::always()).await;
    assert_eq!(read.text, "Wren");
    assert_eq!(read.attempts.len(), 2);
    assert_eq!(read.usage.requests, 3);
    let alone = Recovery::of(
        ScriptedModel::new()
            .script(cut("Ja"))
            .script(failing(status(401))),
    );
    let inner = alone
        .backoff(SECOND, SECOND)
        .when_cut(WhenCut::Restart)
        .build()
        .unwrap();
    let outer = Recovery::of(inner).build().unwrap();
    let read = Read::of(&outer, Recall::always()).await;
    assert_eq!(read.error().partial().unwrap().usage.requests, 2);

    // One that holds back can take back what its reader can't.
    let model = ScriptedModel::new().script(cut("Ja")).answer(["Wren"]);
    let inner = recovery(&model).when_cut(WhenCut::Restart).build().unwrap();
    let outer = Recovery::of(inner).when_cut(WhenCut::Hold).build().unwrap();
    let read = Read::of(&outer, Recall::never()).await;
    assert_eq!(read.text, "Wren");
    assert!(!read.attempts[0].is_void);
}

#[test]
fn what_cannot_work_is_refused() {
    let build = || Recovery::of(ScriptedModel::new());
    for (wrong, words) in [
        (build().attempts(0), "no attempt"),
        (build().backoff(2 * SECOND, SECOND), "longer"),
        (build().jitter(-1.0), "jitter"),
        (build().when_cut_in_text(WhenCut::Continue), "`Restart`"),
        (build().when_cut_in_text(WhenCut::Hold), "can't `Hold`"),
    ] {
        let error = wrong.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn id_and_output_mode_are_the_first_models() {
    struct Holds(Option<OutputMode>);
    impl Model for Holds {
        fn id(&self) -> &str {
            "holds"
        }
        fn stream(&self, _: ModelRequest) -> ModelStream {
            ModelStream::from_events([])
        }
        fn output_mode(&self, _: &OutputSpec) -> Option<OutputMode> {
            self.0
        }
    }
    use OutputMode::{JsonObject, Prompt, Schema as Plain, StrictSchema};
    let output = OutputSpec::new(Schema::any());
    for (first, second, expected) in [
        (Some(StrictSchema), Some(Plain), Some(StrictSchema)),
        (Some(StrictSchema), Some(Prompt), Some(Prompt)),
        (Some(JsonObject), Some(StrictSchema), Some(JsonObject)),
        (None, Some(StrictSchema), None),
        (Some(Plain), None, Some(Plain)),
    ] {
        let both = Recovery::of(Holds(first))
            .fallback(Holds(second))
            .build()
            .unwrap();
        assert_eq!((both.id(), both.output_mode(&output)), ("holds", expected));
    }
}

#[tokio::test(start_paused = true)]
async fn an_agents_limits_leave_the_recovery_its_time() {
    let model = ScriptedModel::new()
        .script(Script::new().stall())
        .script(failing(status(503).with_retry_after(400 * SECOND)))
        .script(half("Ja").stall())
        .answer(["y"]);
    // The same limits within and around: those within are first.
    let plan = recovery(&model).attempts(4).when_cut(WhenCut::Continue);
    let agent = Agent::builder(plan.build().unwrap()).build().unwrap();
    let begin = Instant::now();
    assert_eq!(agent.run("Hi?").await.unwrap().output, "Jay");
    let took = begin.elapsed().as_secs();
    assert_eq!(took, 300 + 1 + 400 + 120 + 4);

    let model = ScriptedModel::new().script(failing(status(503).with_retry_after(60 * SECOND)));
    let plan = recovery(&model).build().unwrap();
    let total = TimeLimits::NONE.total(9 * SECOND);
    let agent = Agent::builder(plan).time_limits(total).build().unwrap();
    let begin = Instant::now();
    assert_eq!(
        agent.run("Hi?").await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    assert_eq!(begin.elapsed().as_secs(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_left_alone_costs_no_request() {
    let down = || ScriptedModel::new().script(failing(status(503)));
    let breaker = Breaker::new().failures(1);
    let model = down();
    let guarded = model.clone().guarded(&breaker);
    let other = ScriptedModel::new().always(["Wren"]);
    let plan = Recovery::of(guarded).attempts(1).fallback(other.clone());
    let plan = plan.build().unwrap();
    for requests in [2, 1] {
        let agent = Agent::builder(plan.clone()).build().unwrap();
        let result = agent.run("Hi?").await.unwrap();
        assert_eq!((&*result.output, result.usage.requests), ("Wren", requests));
    }
    assert_eq!((model.requests().len(), other.requests().len()), (1, 2));
}
