//! `article`: an answer of a type; it streams as JSON.

use std::sync::Arc;

use mainstem::{
    Agent, Model, Result,
    schemars::{self, JsonSchema},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub(super) struct Article {
    pub(super) title: String,
    /// In a sentence.
    pub(super) summary: String,
    pub(super) sections: Vec<Section>,
    pub(super) tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub(super) struct Section {
    pub(super) heading: String,
    pub(super) text: String,
}

pub(super) fn agent(model: &Arc<dyn Model>) -> Result<Agent<Article>> {
    Agent::builder(Arc::clone(model))
        .name("article")
        .instructions("Write a short article on the topic that you are given.")
        .output::<Article>()
        .build()
}
