//! What an agent tells its model it is to do.

use std::borrow::Cow;

use mainstem_core::{Context, Error, ErrorKind, Json, Result, Text};
use serde_json::Value;

use crate::{Template, template::inside};

/// The name that stands for the input of a run.
const INPUT: &str = "INPUT";

/// What a model is told it is to do: a text, or a [`Template`] that is filled for each run; for
/// [`AgentBuilder::instructions`](crate::AgentBuilder::instructions).
///
/// In a template, `{{INPUT}}` is what the agent was asked, as text; every other name is that of a
/// [`Key`](mainstem_core::Key) in the run's [`Context`], and `{{user.name}}` a field of the value that is
/// there. A value that isn't there fails the run before the model is asked, with an error of kind
/// [`ErrorKind::Input`] that names it, unless the place has a default: `{{user.name|stranger}}`. A text is
/// never looked into, and nor is a value: braces in them stay as they are.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// # use mainstem_core::test_util::ScriptedModel;
/// use mainstem_agent::{Agent, Template};
/// use mainstem_core::{Context, Key};
///
/// const LANGUAGE: Key<String> = Key::new("language");
///
/// # let model = ScriptedModel::new().answer(["Blau."]);
/// let agent = Agent::builder(model.clone())
///     .instructions(Template::new("Answer in {{language}}. Be {{tone|brief}}.")?)
///     .build()?;
/// let ctx = Context::new();
/// ctx.set(&LANGUAGE, &"German".to_owned())?;
/// agent.run("Which colour has a jay?").context(&ctx).await?;
/// let told = model.requests()[0].instructions.clone().unwrap();
/// assert_eq!(told, "Answer in German. Be brief.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructions(Vec<Told>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Text(Text),
    Template(Template),
}

impl Instructions {
    /// Tells more, after what was told so far.
    pub(crate) fn add(&mut self, more: impl Into<Self>) {
        self.0.extend(more.into().0);
    }

    /// What the model reads.
    pub(crate) fn fill(&self, agent: &str, context: &Context, input: &str) -> Result<Text> {
        let fill = |told: &Told| match told {
            Told::Text(text) => Ok(text.clone()),
            Told::Template(template) => {
                let filled = template.fill_by(|name| find(context, input, name));
                filled.map(Text::from).map_err(|name| missing(agent, name))
            }
        };
        if let [told] = &self.0[..] {
            return fill(told);
        }
        let parts: Vec<Text> = self.0.iter().map(fill).collect::<Result<_>>()?;
        Ok(parts.join("\n\n").into())
    }
}

fn find(context: &Context, input: &str, name: &str) -> Option<Value> {
    if name == INPUT {
        return Some(Value::from(input));
    }
    let value_of = |key: &str| context.value(key).and_then(|value: Json| value.to().ok());
    let whole = value_of(name).filter(|value: &Value| !value.is_null());
    whole.or_else(|| {
        let (key, field) = name.split_once('.')?;
        inside(&value_of(key)?, field).cloned()
    })
}

fn missing(agent: &str, name: &str) -> Error {
    let message = format!(
        "the instructions of agent `{agent}` need `{name}`, and the context has no such value; set it \
         there, or give a default by `{{{{{name}|..}}}}`"
    );
    Error::new(ErrorKind::Input, message)
}

impl From<Text> for Instructions {
    fn from(text: Text) -> Self {
        Self(vec![Told::Text(text)])
    }
}

impl From<&str> for Instructions {
    fn from(text: &str) -> Self {
        Text::from(text).into()
    }
}

impl From<String> for Instructions {
    fn from(text: String) -> Self {
        Text::from(text).into()
    }
}

impl From<&String> for Instructions {
    fn from(text: &String) -> Self {
        Text::from(text).into()
    }
}

impl From<Cow<'_, str>> for Instructions {
    fn from(text: Cow<'_, str>) -> Self {
        Text::from(&*text).into()
    }
}

impl From<Template> for Instructions {
    fn from(template: Template) -> Self {
        Self(vec![Told::Template(template)])
    }
}
