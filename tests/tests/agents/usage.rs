//! What a real server says was used, what is estimated where it says nothing, and limits on both.

use mainstem::{Context, Cost, ErrorKind, Price, Prices, RoughTokens, Usage, UsageLimits};
use mainstem_testkit::Reply;
use mainstem_tests::{
    agent, builder, server_with,
    watch::{How, watch},
    within,
};

fn estimated(input: u64, output: u64) -> Usage {
    let mut usage = Usage::new(input, output);
    usage.estimated = true;
    usage
}

#[tokio::test]
async fn usage_that_the_server_leaves_out_is_estimated() {
    let silent = || {
        Reply::stream()
            .content("Jays, and wrens.")
            .finish("stop")
            .done()
    };
    let server = server_with([silent(), Reply::text(["Jays"])]).await;
    let ctx = Context::new();
    let first = within(agent(&server).run("Which?").context(&ctx).into_future()).await;
    assert_eq!(first.unwrap().usage, estimated(9, 4));
    let second = within(agent(&server).run("More?").context(&ctx).into_future()).await;
    assert_eq!(second.unwrap().usage, Usage::new(3, 1));
    let mut both = estimated(12, 5);
    both.requests = 2;
    assert_eq!(ctx.usage(), both, "and stays marked so in sums");
}

#[tokio::test]
async fn an_answer_that_is_cut_on_the_wire_is_estimated() {
    let cut = Reply::stream().content("Jays, and").cut();
    let server = server_with([cut]).await;
    let error = within(agent(&server).run("Which?").into_future())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(error.partial().unwrap().usage, estimated(9, 3));
}

#[tokio::test]
async fn a_limit_cuts_the_connection_however_the_run_is_read() {
    for how in [How::Awaited, How::Events, How::Text] {
        let long = (0..1000).fold(Reply::stream(), |reply, _| reply.content("four"));
        let server = server_with([long.stall()]).await;
        let agent = builder(&server).token_counter(RoughTokens).build().unwrap();
        let limits = UsageLimits::new().output_tokens(10);
        let run = agent.run("Which?").usage_limits(limits);
        let seen = within(watch(run, how)).await;
        let (error, partial) = seen.outcome.unwrap_err();
        assert_eq!(error["code"], "usage_limit", "{how:?}");
        let partial = partial.unwrap();
        assert_eq!(partial.text, "four".repeat(10), "{how:?}");
        assert_eq!(partial.usage, estimated(9, 11), "{how:?}");
    }
}

#[tokio::test]
async fn a_chat_has_a_budget() {
    let server = server_with(vec![Reply::text(["Jays"]); 5]).await;
    let agent = agent(&server);
    let ctx = Context::new();
    ctx.set_prices(Prices::new().model("*", Price::per_million(100.0, 700.0)));
    ctx.set_usage_limits(UsageLimits::new().cost(0.003));
    let mut asked = 0;
    let error = loop {
        match within(agent.run("Which?").context(&ctx).into_future()).await {
            Ok(result) => {
                assert_eq!(result.cost, Some(Cost::from(0.001)), "3 in, 1 out");
                asked += 1;
            }
            Err(error) => break error,
        }
    };
    assert_eq!((asked, server.requests().len()), (3, 3));
    assert_eq!(error.code(), Some("usage_limit"));
    assert_eq!(ctx.cost(), Some(Cost::from(0.003)));
}
