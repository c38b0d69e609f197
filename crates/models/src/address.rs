//! From a model's name to a model.

use std::sync::Arc;

use mainstem_core::{Error, ErrorKind, Model, Result};

use crate::{ChatCompletions, Provider, Responses, responses};

/// The model of an address: `provider://model`, or a plain name.
///
/// Providers: `openai`, `azure`, `anthropic`, `gemini`, `groq`, `openrouter`, `ollama`, `lmstudio`;
/// with the feature `demo`, `demo` is the offline model. With `+responses` behind its name, a
/// provider is asked by the Responses API instead of chat completions: `openai+responses://gpt-5`. Keys and base URLs come from the
/// environment (`OPENAI_API_KEY`, `OPENAI_BASE_URL`, and so on for each). A plain name goes to the
/// provider that `MAINSTEM_PROVIDER` names, else to the first of the list whose key is set. For any
/// other server, and for everything that can be set, see [`ChatCompletions::builder`] and
/// [`Responses::builder`].
///
/// # Errors
///
/// Of kind [`ErrorKind::Config`], if there is no such provider, it has no such API, or its key isn't
/// set.
///
/// ```
/// use mainstem_core::Model;
///
/// let model = mainstem_models::model("ollama://qwen3")?;
/// assert_eq!(model.id(), "ollama://qwen3");
/// let model = mainstem_models::model("ollama+responses://gpt-oss")?;
/// assert_eq!(model.id(), "ollama+responses://gpt-oss");
/// assert!(mainstem_models::model("nobody://x").unwrap_err().to_string().contains("openrouter"));
/// # Ok::<(), mainstem_core::Error>(())
/// ```
pub fn model(address: &str) -> Result<Arc<dyn Model>> {
    model_in(address, &|name| std::env::var(name).ok())
}

/// A set of variables.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(crate) fn model_in(address: &str, variables: Variables<'_>) -> Result<Arc<dyn Model>> {
    if address == "demo" {
        return demo();
    }
    let (scheme, name) = match address.split_once("://") {
        Some(("http" | "https", _)) => {
            return Err(Error::new(
                ErrorKind::Config,
                "a URL is no model; give its name, and the URL as the base URL (`--base-url`, or \
                 `ChatCompletions::builder(name).base_url(url)`)",
            ));
        }
        Some((scheme, name)) => (scheme.to_owned(), name),
        None => (from_variables(variables)?, address),
    };
    let by_responses = scheme.strip_suffix(responses::SUFFIX);
    let provider: Provider = by_responses.unwrap_or(&scheme).parse()?;
    if name.trim().is_empty() {
        let message = format!("`{address}` names no model; write `{scheme}://model`");
        return Err(Error::new(ErrorKind::Config, message));
    }
    if by_responses.is_some() {
        let model = Responses::builder(name).provider(provider);
        return Ok(Arc::new(model.build_in(variables)?));
    }
    let model = ChatCompletions::builder(name).provider(provider);
    Ok(Arc::new(model.build_in(variables)?))
}

#[cfg(feature = "demo")]
#[allow(clippy::unnecessary_wraps)] // as without the feature
fn demo() -> Result<Arc<dyn Model>> {
    Ok(Arc::new(crate::demo::DemoModel::new()))
}

#[cfg(not(feature = "demo"))]
fn demo() -> Result<Arc<dyn Model>> {
    Err(Error::new(
        ErrorKind::Config,
        "the demo model isn't built in: switch on the feature `demo` of `mainstem` \
         (`cargo add mainstem --features demo`)",
    ))
}

/// The provider that the environment names, as it stands in an address.
fn from_variables(variables: Variables<'_>) -> Result<String> {
    if let Some(name) = set(variables, "MAINSTEM_PROVIDER") {
        return Ok(name);
    }
    let has_key = |provider: &Provider| {
        let keys = provider.facts().key_variables;
        keys.iter().any(|name| set(variables, name).is_some())
    };
    let found = Provider::ALL.into_iter().find(has_key);
    found
        .map(|provider| provider.name().to_owned())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "no provider is known for a plain model name; write `provider://model`, or set \
             the environment variable MAINSTEM_PROVIDER, or a key such as OPENAI_API_KEY",
            )
        })
}

/// A variable that is set, and not to nothing.
pub(crate) fn set(variables: Variables<'_>, name: &str) -> Option<String> {
    variables(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(address: &str, set: &[(&str, &str)]) -> String {
        let variables = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match model_in(address, &variables) {
            Ok(model) => model.id().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_plain_name_goes_where_the_environment_says() {
        assert_eq!(id("m", &[("GROQ_API_KEY", "k")]), "groq://m");
        assert_eq!(
            id("m", &[("GROQ_API_KEY", "k"), ("OPENAI_API_KEY", "k")]),
            "openai://m"
        );
        let named = [("OPENAI_API_KEY", "k"), ("MAINSTEM_PROVIDER", "ollama")];
        assert_eq!(id("m", &named), "ollama://m");
        assert!(id("m", &[("OPENAI_API_KEY", " ")]).contains("MAINSTEM_PROVIDER"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let no_key = id("openai://m", &[]);
        assert!(no_key.contains("set the environment variable OPENAI_API_KEY"));
        assert!(no_key.contains("ChatCompletions::builder"));
        assert!(
            id("azure://m", &[("AZURE_OPENAI_API_KEY", "k")]).contains("AZURE_OPENAI_ENDPOINT")
        );
        assert!(id("openai://", &[("OPENAI_API_KEY", "k")]).contains("openai://model"));
        assert!(id("https://example.com/v1", &[]).contains("base_url"));
        assert!(!id("openai://m", &[("OPENAI_API_KEY", "sec\nret")]).contains("sec"));
    }

    #[test]
    fn a_provider_may_be_asked_by_the_responses_api() {
        let key = ("OPENAI_API_KEY", "k");
        let by = |address| id(address, &[key]);
        assert_eq!(by("openai+responses://m"), "openai+responses://m");
        assert_eq!(by("ollama+responses://m"), "ollama+responses://m");
        let named = [key, ("MAINSTEM_PROVIDER", "openai+responses")];
        assert_eq!(id("m", &named), "openai+responses://m");
        let azure = [
            ("AZURE_OPENAI_API_KEY", "k"),
            ("AZURE_OPENAI_ENDPOINT", "https://a.example"),
        ];
        assert_eq!(id("azure+responses://m", &azure), "azure+responses://m");
        assert!(id("openai+responses://m", &[]).contains("Responses::builder"));
        assert!(by("openai+responses://").contains("`openai+responses://model`"));
        assert!(by("nobody+responses://m").contains("there is no provider `nobody`"));
        let gemini = id("gemini+responses://m", &[("GEMINI_API_KEY", "k")]);
        assert!(gemini.contains("`gemini://m`"), "{gemini}");
    }

    #[test]
    fn demo_is_the_demo_model_or_says_what_it_takes() {
        let found = id("demo", &[("OPENAI_API_KEY", "k")]);
        if cfg!(feature = "demo") {
            assert_eq!(found, "demo");
        } else {
            assert!(found.contains("the feature `demo`"), "{found}");
        }
    }

    #[test]
    fn every_provider_has_an_address() {
        for provider in Provider::ALL {
            let address = format!("{}://m", provider.name());
            let mut set = vec![("AZURE_OPENAI_ENDPOINT", "https://a.example")];
            set.extend(
                provider
                    .facts()
                    .key_variables
                    .iter()
                    .map(|name| (*name, "k")),
            );
            assert_eq!(id(&address, &set), address);
        }
    }
}
