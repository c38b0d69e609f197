//! Limits of what a run, or all runs on a context, may use.

use futures::future::join_all;
use mainstem_core::{
    Context, ContextSnapshot, Cost, Error, ErrorKind, Price, Prices, Result, Run, RunContext,
    Usage, UsageLimits,
};

/// Asks one after the other, each time using this.
fn asks(times: usize, usage: Usage) -> Run<()> {
    Run::new("asks", move |ctx: RunContext| async move {
        for _ in 0..times {
            ctx.begin_request("a", || None)?.end(usage)?;
        }
        Ok(())
    })
}

fn price_of_a() -> Prices {
    Prices::new().model("a", Price::per_million(1.0, 10.0))
}

#[track_caller]
fn check(error: &Error, message: &str, requests: u64) {
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.code(), Some("usage_limit"));
    assert!(!error.is_retryable());
    assert_eq!(error.message(), message);
    assert_eq!(error.partial().unwrap().usage.requests, requests);
}

#[tokio::test]
async fn each_limit_says_what_it_is_and_what_was_used() {
    let limits = UsageLimits::new();
    let cases = [
        (
            limits.requests(2),
            "2 requests",
            "2 were used",
            "requests",
            2,
        ),
        (
            limits.input_tokens(250),
            "250 tokens of input",
            "300 were used",
            "input_tokens",
            3,
        ),
        (
            limits.output_tokens(40),
            "40 tokens of output",
            "40 were used",
            "output_tokens",
            2,
        ),
        (
            limits.total_tokens(239),
            "239 tokens",
            "240 were used",
            "total_tokens",
            2,
        ),
        (
            limits.cost(0.0005),
            "0.0005 of cost",
            "0.0006 were used",
            "cost",
            2,
        ),
    ];
    for (limits, limit, used, option, requests) in cases {
        let run = asks(5, Usage::new(100, 20)).prices(price_of_a());
        let error = run.usage_limits(limits).await.unwrap_err();
        let message = format!(
            "the run's limit of {limit} is reached: {used}; raise it by `UsageLimits::{option}`"
        );
        check(&error, &message, requests);
    }
}

#[tokio::test]
async fn what_is_used_up_to_a_limit_is_fine() -> Result<()> {
    let limits = UsageLimits::new()
        .requests(2)
        .input_tokens(200)
        .output_tokens(40)
        .total_tokens(240)
        .cost(0.0006);
    let run = asks(2, Usage::new(100, 20)).prices(price_of_a());
    let result = run.usage_limits(limits).await?;
    assert_eq!(result.cost, Some(Cost::from(0.0006)));
    assert_eq!(result.usage.total_tokens(), 240);
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_known_to_be_too_much_doesnt_go_out() {
    let ask = |ctx: RunContext| async move {
        ctx.begin_request("a", || Some(60))?
            .end(Usage::new(60, 0))?;
        ctx.begin_request("a", || Some(60))?.end(Usage::new(60, 0))
    };
    let limits = UsageLimits::new().total_tokens(100);
    let error = Run::new("r", ask).usage_limits(limits).await.unwrap_err();
    let message = "the run's limit of 100 tokens is reached: 60 were used, and the next request needs \
                   60; raise it by `UsageLimits::total_tokens`";
    check(&error, message, 1);
    let limits = UsageLimits::new().cost(0.0001);
    let run = Run::new("r", ask).usage_limits(limits).prices(price_of_a());
    let message = "the run's limit of 0.0001 of cost is reached: 0.00006 were used, and the next \
                   request needs 0.00006; raise it by `UsageLimits::cost`";
    check(&run.await.unwrap_err(), message, 1);
}

#[tokio::test]
async fn nothing_is_counted_that_no_limit_asks_for() -> Result<()> {
    let ask = |ctx: RunContext| async move {
        let count = || panic!("nobody needs it");
        ctx.begin_request("a", count)?.end(Usage::new(1, 1))
    };
    Run::new("r", ask)
        .usage_limits(UsageLimits::new().requests(1))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_model_without_a_price_isnt_asked_where_cost_is_limited() {
    let run =
        asks(1, Usage::new(1, 1)).prices(Prices::new().model("b", Price::per_million(1.0, 1.0)));
    let error = run
        .usage_limits(UsageLimits::new().cost(1.0))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.code(), Some("no_price"));
    assert_eq!(
        error.message(),
        "the run has a limit of cost and no price of model `a`; add it to the run's `Prices`"
    );
    assert_eq!(error.partial().unwrap().usage, Usage::default());
}

#[tokio::test]
async fn cost_is_known_only_if_all_that_was_used_has_a_price() -> Result<()> {
    let both = || {
        Run::new("r", |ctx: RunContext| async move {
            ctx.record_usage_of("a", Usage::new(1_000_000, 0));
            ctx.record_usage_of("b", Usage::new(500_000, 0));
            Ok(())
        })
    };
    assert_eq!(both().await?.cost, None);
    let result = both().prices(price_of_a()).await?;
    assert_eq!(result.cost, None);
    let by_model: Vec<_> = result
        .usage_by_model
        .iter()
        .map(|it| (&*it.model, it.usage.input_tokens, it.cost))
        .collect();
    let one = Some(Cost::from(1.0));
    assert_eq!(by_model, [("a", 1_000_000, one), ("b", 500_000, None)]);
    let prices = price_of_a().model("b", Price::per_million(3.0, 0.0));
    assert_eq!(both().prices(prices).await?.cost, Some(Cost::from(2.5)));
    Ok(())
}

#[tokio::test]
async fn a_context_limits_all_its_runs_and_forks() -> Result<()> {
    let ctx = Context::new();
    ctx.set_usage_limits(UsageLimits::new().requests(3));
    ctx.set_prices(price_of_a());
    asks(2, Usage::new(100, 20)).context(&ctx).await?;
    let fork = ctx.fork("branch");
    let result = asks(1, Usage::new(100, 20)).context(&fork).await?;
    assert_eq!(
        result.cost,
        Some(Cost::from(0.0003)),
        "its context's prices"
    );
    assert_eq!(result.usage.requests, 1);

    let error = asks(1, Usage::new(1, 1)).context(&ctx).await.unwrap_err();
    let message = "the context's limit of 3 requests is reached: 3 were used; raise it by \
                   `UsageLimits::requests`";
    check(&error, message, 0);
    assert_eq!(ctx.usage().requests, 3);
    assert_eq!(ctx.cost(), Some(Cost::from(0.0009)));
    assert_eq!(ctx.usage_by_model()[0].usage, ctx.usage());

    ctx.set_usage_limits(UsageLimits::new().requests(4));
    asks(1, Usage::new(1, 1)).context(&ctx).await?;
    Ok(())
}

#[tokio::test]
async fn a_budget_goes_on_where_it_was_when_its_context_is_restored() -> Result<()> {
    let ctx = Context::new();
    asks(2, Usage::new(100, 20)).context(&ctx).await?;
    let json = serde_json::to_string(&ctx.snapshot()).unwrap();

    let again = Context::restore(serde_json::from_str(&json).unwrap());
    assert_eq!(again.usage_by_model(), ctx.usage_by_model());
    again.set_prices(price_of_a());
    assert_eq!(again.cost(), Some(Cost::from(0.0006)));
    again.set_usage_limits(UsageLimits::new().requests(3));
    asks(1, Usage::new(1, 1)).context(&again).await?;
    let error = asks(1, Usage::new(1, 1)).context(&again).await.unwrap_err();
    assert_eq!(error.code(), Some("usage_limit"));
    assert_eq!((again.usage().requests, ctx.usage().requests), (3, 2));
    // What was saved before there was usage in it, and by contexts without runs, is as it was.
    let old: ContextSnapshot = serde_json::from_str(r#"{"threads":{},"values":{}}"#).unwrap();
    assert_eq!(old, Context::new().snapshot());
    let json = serde_json::to_string(&Context::new().snapshot()).unwrap();
    assert_eq!(json, r#"{"threads":{},"values":{}}"#);
    Ok(())
}

#[tokio::test]
async fn requests_under_way_count_and_those_given_up_dont() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let first = ctx.begin_request("a", || Some(40))?;
        let second = ctx.begin_request("a", || Some(40))?;
        let third = ctx.begin_request("a", || Some(40)).unwrap_err();
        assert_eq!(third.code(), Some("usage_limit"));
        drop(first);
        let mut third = ctx.begin_request("a", || Some(40))?;
        // It answers: and is cut off where it passes the limit.
        third.so_far(Usage::new(40, 20))?;
        let cut = third.so_far(Usage::new(40, 21)).unwrap_err();
        assert_eq!(cut.code(), Some("usage_limit"));
        drop(second);
        third.end(Usage::new(40, 21))?;
        assert!(third.is_over());
        third.end(Usage::new(1000, 1000))?;
        Ok(())
    });
    let limits = UsageLimits::new().total_tokens(100);
    let result = run.usage_limits(limits).await.unwrap();
    assert_eq!(result.usage, Usage::new(40, 21), "it ends once");
}

#[tokio::test]
async fn another_attempt_is_another_request() {
    let run = Run::new("r", |ctx: RunContext| async move {
        let mut request = ctx.begin_request("a", || None)?;
        request.next_attempt(Usage::new(10, 1), "b")?;
        assert_eq!(request.model(), "b");
        let refused = request.next_attempt(Usage::new(10, 1), "c").unwrap_err();
        assert_eq!(refused.code(), Some("usage_limit"));
        assert_eq!(request.by_model().len(), 2);
        Err::<(), _>(refused)
    });
    let error = run
        .usage_limits(UsageLimits::new().requests(2))
        .await
        .unwrap_err();
    assert_eq!(error.partial().unwrap().usage.requests, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r15_many_at_once_never_have_more_requests_than_allowed() {
    let ctx = Context::new();
    ctx.set_usage_limits(UsageLimits::new().requests(100));
    let runs = (0..50).map(|n| {
        let run = asks(3, Usage::new(1, 1)).context(&ctx.fork(format!("{n}")));
        tokio::spawn(run.into_future())
    });
    let ends = join_all(runs).await;
    let failed = ends.iter().filter(|end| end.as_ref().unwrap().is_err());
    assert!(failed.count() >= 50 - 33);
    assert_eq!(ctx.usage(), (0..100).map(|_| Usage::new(1, 1)).sum());
}
