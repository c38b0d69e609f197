use std::{fmt, sync::Arc};

use mainstem_core::{Error, Json, Result, Text};
use mainstem_structured::Schema;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Choice, Destinations, Parts, Router};
use crate::{AgentBuilder, builder::config};

/// Sets up a [`Router`]; made by [`AgentBuilder::routes`] and [`AgentBuilder::route`].
#[must_use = "a router is made by `build`"]
pub struct RouterBuilder<K = String> {
    agent: AgentBuilder,
    destinations: Result<Destinations>,
    read: fn(&Text) -> Result<K>,
    is_reasoned: bool,
}

impl AgentBuilder {
    /// Makes it a router: its answer is one of these destinations, each with what it is for.
    ///
    /// The instructions say what is to be decided; the destinations are added to them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer([r#"{"to": "#, r#""billing"}"#]);
    /// use mainstem_agent::Agent;
    ///
    /// let desk = Agent::builder(model)
    ///     .name("desk")
    ///     .instructions("Say who should answer the customer.")
    ///     .routes([
    ///         ("billing", "invoices, payments and refunds"),
    ///         ("tech", "anything that doesn't work"),
    ///     ])
    ///     .build()?;
    /// assert_eq!(desk.run("You charged me twice!").await?.output, "billing");
    /// # Ok(())
    /// # }
    /// ```
    pub fn routes<N, D>(self, destinations: impl IntoIterator<Item = (N, D)>) -> RouterBuilder
    where
        N: Into<Text>,
        D: Into<Text>,
    {
        RouterBuilder {
            agent: self,
            destinations: Ok(Destinations::of(destinations)),
            read: |name| Ok(name.as_str().to_owned()),
            is_reasoned: false,
        }
    }

    /// Makes it a router whose destinations are the variants of an enum.
    ///
    /// The comments on the variants say what each is for; none of them holds a value. The names are those
    /// of the variants' JSON.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mainstem_core::Error> {
    /// # use mainstem_core::test_util::ScriptedModel;
    /// # let model = ScriptedModel::new().answer([r#"{"to": "tech"}"#]);
    /// use mainstem_agent::Agent;
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    /// #[serde(rename_all = "snake_case")]
    /// enum Desk {
    ///     /// Invoices, payments and refunds.
    ///     Billing,
    ///     /// Anything that doesn't work.
    ///     Tech,
    /// }
    ///
    /// let router = Agent::builder(model).route::<Desk>().build()?;
    /// assert_eq!(router.run("It doesn't start.").await?.output, Desk::Tech);
    /// # Ok(())
    /// # }
    /// ```
    pub fn route<K>(self) -> RouterBuilder<K>
    where
        K: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
    {
        RouterBuilder {
            agent: self,
            destinations: destinations_of::<K>(),
            read: read::<K>,
            is_reasoned: false,
        }
    }
}

impl<K> RouterBuilder<K> {
    /// Has the model say in a sentence why, before it says where.
    ///
    /// It costs some tokens, and often helps the choice. The reason stands in the
    /// [`Decided`](mainstem_core::Decided) event: `{"reason": "..", "to": ".."}`.
    pub fn reasoned(mut self) -> Self {
        self.is_reasoned = true;
        self
    }

    /// Makes the router.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`](mainstem_core::ErrorKind::Config), if there are no destinations, one is
    /// there twice or has no name, or if the type isn't an enum of variants without values; and as for
    /// [`AgentBuilder::build`].
    pub fn build(self) -> Result<Router<K>> {
        let destinations = self.destinations?;
        destinations.check()?;
        let schema = Schema::from_value(destinations.schema(self.is_reasoned));
        let agent = self.agent.add_instructions(destinations.in_words());
        let agent = agent.with_schema::<Choice>(schema, |text| serde_json::from_str(text));
        Ok(Router(Arc::new(Parts {
            agent: agent.build()?,
            destinations,
            read: self.read,
        })))
    }
}

/// The variants of an enum, which must be read and written by the same names as its schema has.
fn destinations_of<K: JsonSchema + Serialize + DeserializeOwned>() -> Result<Destinations> {
    let schema = schemars::schema_for!(K).to_value();
    let destinations = Destinations::of_schema(&schema).ok_or_else(|| {
        config(format!(
            "`{}` can't say where something goes; a router takes an enum whose variants hold nothing",
            std::any::type_name::<K>()
        ))
    })?;
    for name in destinations.names() {
        let written = read::<K>(name).and_then(|key| Json::new(&key)?.to::<Text>());
        if written.ok().as_ref() != Some(name) {
            return Err(config(format!(
                "`{}` has a variant `{name}` by its schema, and reads or writes it by another name; let \
                 `serde` and `schemars` agree",
                std::any::type_name::<K>()
            )));
        }
    }
    Ok(destinations)
}

fn read<K: DeserializeOwned>(name: &Text) -> Result<K> {
    serde_json::from_value(Value::from(name.as_str())).map_err(|error| {
        let message = format!("`{name}` isn't a destination of the router any more");
        Error::new(mainstem_core::ErrorKind::Value, message).with_source(error)
    })
}

impl<K> fmt::Debug for RouterBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RouterBuilder").field(&self.agent).finish()
    }
}
