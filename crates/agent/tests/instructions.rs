//! Instructions that are filled for each run; what is inserted is never expanded.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use mainstem_agent::{Agent, AgentBuilder, Evaluation, Judge, Template, tool_fn};
use mainstem_core::{Context, ErrorKind, Key, MemoryStore, Result, Run, test_util::ScriptedModel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const SECRET: Key<String> = Key::new("secret");
const NAME: Key<String> = Key::new("name");
const USER: Key<Value> = Key::new("user");

fn agent(model: &ScriptedModel, instructions: &str) -> AgentBuilder {
    let template = Template::new(instructions).unwrap();
    Agent::builder(model.clone()).instructions(template)
}

fn told(model: &ScriptedModel, request: usize) -> String {
    let instructions = model.requests()[request].instructions.clone();
    instructions.unwrap().to_string()
}

#[tokio::test]
async fn they_are_filled_from_the_context_and_the_input() -> Result<()> {
    let model = ScriptedModel::new().always(["So."]);
    let agent = agent(
        &model,
        "{{user.name}} ({{user.birds.1}}, {{user}}) asks {{INPUT}} {{tone|kindly}}.",
    )
    .build()?;
    let ctx = Context::new();
    ctx.set(&USER, &json!({"name": "Ann", "birds": ["jay", "wren"]}))?;
    agent.run("why").context(&ctx).await?;
    let expected = r#"Ann (wren, {"name":"Ann","birds":["jay","wren"]}) asks why kindly."#;
    assert_eq!(told(&model, 0), expected);
    // Each run anew.
    ctx.set(&USER, &json!({"name": "Bo", "birds": ["jay", "tit"]}))?;
    agent.run("how").context(&ctx).await?;
    assert!(
        told(&model, 1).starts_with("Bo (tit"),
        "{}",
        told(&model, 1)
    );
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_missing_fails_before_the_model_is_asked() -> Result<()> {
    let model = ScriptedModel::new();
    let agent = agent(&model, "For {{user.name}}.").name("a").build()?;
    let ctx = Context::new();
    for value in [
        None,
        Some(json!({})),
        Some(json!({"name": null})),
        Some(json!("s3")),
    ] {
        if let Some(value) = value {
            ctx.set(&USER, &value)?;
        }
        let error = agent.run("Hi").context(&ctx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_eq!(
            error.message(),
            "the instructions of agent `a` need `user.name`, and the context has no such value; set it \
             there, or give a default by `{{user.name|..}}`"
        );
        assert!(!format!("{error:?}").contains("s3"), "{error:?}");
    }
    assert!(model.requests().is_empty());
    assert!(ctx.messages().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_text_isnt_a_template() -> Result<()> {
    let model = ScriptedModel::new().answer(["So."]);
    let agent = Agent::builder(model.clone())
        .instructions("Write {{name}}.")
        .build()?;
    agent.run("Hi").await?;
    assert_eq!(told(&model, 0), "Write {{name}}.");
    Ok(())
}

/// A context with a secret that somebody would like to see.
fn secretive(name: &str) -> Context {
    let ctx = Context::new();
    ctx.set(&SECRET, &"s3".to_owned()).unwrap();
    ctx.set(&NAME, &name.to_owned()).unwrap();
    ctx
}

#[tokio::test]
async fn what_a_variable_or_an_input_holds_is_never_expanded() -> Result<()> {
    let model = ScriptedModel::new().answer(["So."]);
    let agent = agent(&model, "For {{name}}: {{INPUT}}").build()?;
    let ctx = secretive("{{secret}} {{{{secret}}");
    agent
        .run("{{secret}} {{INPUT}} {{name}}")
        .context(&ctx)
        .await?;
    let expected = "For {{secret}} {{{{secret}}: {{secret}} {{INPUT}} {{name}}";
    assert_eq!(told(&model, 0), expected);
    assert_eq!(
        model.requests()[0].messages[0].text(),
        "{{secret}} {{INPUT}} {{name}}"
    );
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
struct Page {
    name: String,
}

#[tokio::test]
async fn what_a_tool_gives_is_never_expanded() -> Result<()> {
    let model = ScriptedModel::new()
        .calls([("read", json!({"name": "{{secret}}"}))])
        .answer(["Read."]);
    let read = tool_fn("read", "Reads a page.", async |page: Page| {
        Ok(format!("{} {{{{secret}}}}", page.name))
    });
    let agent = agent(&model, "For {{name}}.").tool(read).build()?;
    agent.run("Read.").context(&secretive("Ann")).await?;
    assert_eq!(
        (told(&model, 0), told(&model, 1)),
        ("For Ann.".into(), "For Ann.".into())
    );
    let sent = serde_json::to_string(&model.requests()[1].messages).unwrap();
    assert!(sent.contains("{{secret}} {{secret}}"), "{sent}");
    assert!(!sent.contains("s3"), "{sent}");
    Ok(())
}

#[derive(Serialize)]
struct Read {
    page: String,
    secret: String,
}

#[tokio::test]
async fn what_a_file_holds_is_never_expanded() -> Result<()> {
    let file = std::env::temp_dir().join(format!("mainstem-{}.md", std::process::id()));
    fs::write(&file, "{{secret}} {{page}} {{RESULT}}").unwrap();
    let page = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let model = ScriptedModel::new().answer(["So."]);
    let reader = agent(&model, "Read.")
        .build()?
        .template(Template::new("<{{page}}>")?);
    let read = Read {
        page: page.clone(),
        secret: "s3".to_owned(),
    };
    Run::of(reader, read).context(&secretive("Ann")).await?;
    assert_eq!(model.requests()[0].messages[0].text(), format!("<{page}>"));
    Ok(())
}

#[tokio::test]
async fn what_a_judge_says_is_never_expanded() -> Result<()> {
    let model = ScriptedModel::new().answer(["{{SCORE}}"]).answer(["So."]);
    let judge = Judge::function("judge", async |draft: mainstem_agent::Draft| {
        let score = if draft.output == "So." { 100.0 } else { 0.0 };
        Ok(Evaluation::new(score).feedback("{{INPUT}} {{secret}}"))
    });
    let judged = agent(&model, "For {{name}}.")
        .build()?
        .evaluated_by(judge)
        .ask_again_by(Template::new("{{RESULT}}|{{EVAL_RESULT}}")?);
    judged.run("Write.").context(&secretive("Ann")).await?;
    assert_eq!(
        model.requests()[1].messages[0].text(),
        "{{SCORE}}|{{INPUT}} {{secret}}"
    );
    Ok(())
}

#[tokio::test]
async fn a_router_is_told_its_destinations_after_them() -> Result<()> {
    let model = ScriptedModel::new().answer([r#"{"to": "a"}"#]);
    let router = agent(&model, "For {{name}}.")
        .routes([("a", "{{secret}}")])
        .build()?;
    router.run("Hi").context(&secretive("Ann")).await?;
    let told = told(&model, 0);
    assert!(told.starts_with("For Ann.\n\n"), "{told}");
    assert!(told.ends_with("- a: {{secret}}"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_run_that_goes_on_fills_them_with_what_it_began_with() -> Result<()> {
    let store = MemoryStore::new();
    let model = ScriptedModel::new().answer(["Ha", "lf"]);
    let ctx = secretive("Ann");
    let build = |model: &ScriptedModel| agent(model, "For {{name}}.").build();
    let mut run = build(&model)?
        .run("Hi")
        .context(&ctx)
        .store(store.clone())
        .stream();
    run.next_text().await?;
    let id = run.id().clone();
    drop(run);
    let second = ScriptedModel::new().answer(["Whole"]);
    let resumed = build(&second)?
        .resume(&id)
        .context(&secretive("Bo"))
        .store(store);
    assert_eq!(resumed.await?.output, "Whole");
    assert_eq!(told(&second, 0), "For Ann.");
    Ok(())
}
