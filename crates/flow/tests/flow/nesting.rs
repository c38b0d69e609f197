//! Flows in flows.

use mainstem_core::{Result, test_util::ScriptedModel};
use mainstem_flow::Flow;

use crate::common::{agent, collect, lines};

#[tokio::test]
async fn r8_a_nested_flow_is_part_of_the_one_stream() -> Result<()> {
    let model = ScriptedModel::new().answer(["in"]);
    let inner = Flow::new("own name")
        .step("trim", |text: String| text.trim().to_owned())
        .step("write", agent("writer", &model));
    let outer = Flow::new("outer")
        .step("inner", inner)
        .step("length", |text: String| text.len());
    let mut run = outer.run_streamed(" jay ");
    let events = collect(&mut run).await;
    assert_eq!(
        lines(&events),
        [
            "outer starts flow",
            "outer/inner starts flow",
            "outer/inner/trim starts function",
            r#"outer/inner/trim gives "jay""#,
            "outer/inner/write starts agent",
            "outer/inner/write says in",
            r#"outer/inner/write gives "in""#,
            r#"outer/inner gives "in""#,
            "outer/length starts function",
            "outer/length gives 2",
            "outer gives 2",
            "run gives 2",
        ]
    );
    assert_eq!(run.await?.output, 2);
    Ok(())
}

#[tokio::test]
async fn r8_parallel_steps_nest_in_branches() -> Result<()> {
    let inner = Flow::new("inner").parallel(
        "sizes",
        (
            |text: String| text.len(),
            |text: String| text.lines().count(),
        ),
    );
    let flow = Flow::new("outer").parallel("both", (inner, |text: String| text));
    let mut run = flow.run_streamed("a\nb");
    let events = collect(&mut run).await;
    let sizes = "outer/both[0]/inner/sizes[1]/function gives 2";
    assert!(
        lines(&events).iter().any(|line| line == sizes),
        "{:?}",
        lines(&events)
    );
    assert_eq!(run.await?.output, ((3, 2), "a\nb".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_hundred_levels_deep_is_not_too_deep() -> Result<()> {
    let mut flow = Flow::new("flow").step("add", |n: u32| n + 1);
    for _ in 0..100 {
        flow = Flow::new("flow").step("inner", flow);
    }
    assert_eq!(flow.run(0u32).await?.output, 1);
    Ok(())
}
