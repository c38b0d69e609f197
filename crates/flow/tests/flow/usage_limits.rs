//! Limits of usage hold over all steps and branches of a flow.

use std::time::Duration;

use mainstem_core::{
    Context, Cost, ErrorKind, EventKind, FinishReason, ModelEvent, Price, Prices, Result, Usage,
    UsageLimits,
    test_util::{Script, ScriptedModel},
};
use mainstem_flow::{Flow, each};

use crate::common::{agent, collect};

/// A piece a second, ten of them; each answer says at its end what it used.
fn slow() -> ScriptedModel {
    let answer = || {
        let mut script = Script::new();
        for _ in 0..10 {
            let piece = ModelEvent::Text("x".into());
            script = script.wait(Duration::from_secs(1)).event(piece);
        }
        let used = ModelEvent::Usage(Usage::new(100, 10));
        script
            .event(used)
            .event(ModelEvent::Finished(FinishReason::Stop))
    };
    (0..8).fold(ScriptedModel::new(), |model, _| model.script(answer()))
}

fn duet(model: &ScriptedModel) -> Flow<String, (String, String)> {
    Flow::new("duet").parallel("views", (agent("left", model), agent("right", model)))
}

#[tokio::test(start_paused = true)]
async fn branches_that_work_at_once_have_one_limit() -> Result<()> {
    let model = slow();
    let limits = UsageLimits::new().requests(1);
    let run = duet(&model).run("jays").usage_limits(limits);
    let error = run.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Limit, Some("usage_limit"))
    );
    assert!(model.requests().len() <= 1, "the second one never went out");

    let limits = UsageLimits::new().requests(2).total_tokens(220);
    let result = duet(&slow()).run("jays").usage_limits(limits).await?;
    let used: Usage = [Usage::new(100, 10); 2].into_iter().sum();
    assert_eq!(result.usage, used);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_one_branch_used_stops_the_other_and_both_count() {
    let limits = UsageLimits::new().total_tokens(150);
    let mut run = duet(&slow()).run("jays").usage_limits(limits).stream();
    let events = collect(&mut run).await;
    let error = run.await.unwrap_err();
    assert_eq!(error.code(), Some("usage_limit"));
    let partial = error.partial().unwrap();
    // Both had answered by then: one answer more than allowed is all that is possible.
    assert_eq!(partial.usage.total_tokens(), 220);
    let EventKind::RunFailed(failed) = &events.last().unwrap().kind else {
        panic!("{:?}", events.last());
    };
    assert_eq!(failed.partial.as_deref(), Some(partial));
}

#[tokio::test(start_paused = true)]
async fn a_map_stops_asking_when_its_money_is_spent() -> Result<()> {
    let model = slow();
    let prices = Prices::new().model("scripted", Price::per_million(1.0, 10.0));
    let flow = Flow::<Vec<String>, Vec<String>>::new("all")
        .map("each", each(agent("a", &model)).at_most(1));
    let list: Vec<String> = vec!["jay".into(); 8];
    let ctx = Context::new();
    ctx.set_usage_limits(UsageLimits::new().cost(0.0006));
    ctx.set_prices(prices);
    let error = flow.run(list).context(&ctx).await.unwrap_err();
    assert_eq!(error.code(), Some("usage_limit"));
    assert_eq!(model.requests().len(), 3, "0.0002 each");
    assert_eq!(ctx.cost(), Some(Cost::from(0.0006)));

    let next = duet(&model).run("jays").context(&ctx).await.unwrap_err();
    assert!(next.message().starts_with("the context's limit"), "{next}");
    assert_eq!(model.requests().len(), 3, "nor in the next run");
    Ok(())
}
