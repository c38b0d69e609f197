//! Which model answers.

use std::sync::Arc;

use mainstem::{
    Error, ErrorKind, Model, Result,
    models::{ChatCompletions, Provider},
};

use crate::args::ModelFlags;

/// The model for those who have a key and no wish.
const USUAL: &str = "openai://gpt-5-mini";

/// The model for those who have none.
pub(crate) const DEMO: &str = "demo";

/// A model, and why it is this one.
pub(crate) struct Chosen {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) reason: &'static str,
}

/// The model that flags and environment ask for.
pub(crate) fn choose(flags: &ModelFlags) -> Result<Chosen> {
    let variables = |name: &str| std::env::var(name).ok();
    let (choice, reason) = Choice::of(
        flags.base_url.as_deref(),
        flags.model.as_deref(),
        &variables,
    )?;
    let model: Arc<dyn Model> = match choice {
        Choice::Address(address) => mainstem::model(&address)?,
        Choice::Server {
            url,
            name,
            key_variable,
        } => {
            let mut model = ChatCompletions::builder(name).base_url(url);
            if let Some(variable) = key_variable {
                model = model.api_key_variable(variable);
            }
            Arc::new(model.build()?)
        }
    };
    Ok(Chosen { model, reason })
}

/// Whether a name says by itself where its model is.
pub(crate) fn is_address(name: &str) -> bool {
    let scheme = name.split_once("://").map(|(scheme, _)| scheme);
    // What follows a plus is the API.
    let provider = scheme.map(|scheme| scheme.split_once('+').map_or(scheme, |(name, _)| name));
    name == DEMO || provider.is_some_and(|provider| provider.parse::<Provider>().is_ok())
}

/// The variable of the key for --base-url.
const OWN_KEY: &str = "MAINSTEM_API_KEY";

#[derive(Debug, PartialEq)]
enum Choice {
    Address(String),
    Server {
        url: String,
        name: String,
        key_variable: Option<&'static str>,
    },
}

impl Choice {
    fn of(
        base_url: Option<&str>,
        model: Option<&str>,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, &'static str)> {
        // A variable that is set to nothing isn't set.
        let set = |name: &str| variables(name).filter(|value| !value.trim().is_empty());
        let flag = model.map(|name| (name.to_owned(), "--model"));
        let model = flag.or_else(|| Some((set("MAINSTEM_MODEL")?, "MAINSTEM_MODEL")));
        match (base_url, model) {
            (Some(_), Some((name, reason))) if is_address(&name) => {
                Err(contradiction(&name, reason))
            }
            (Some(url), Some((name, _))) => Ok((
                Self::Server {
                    url: url.to_owned(),
                    name,
                    // No other key: a provider's own is for that provider.
                    key_variable: set(OWN_KEY).map(|_| OWN_KEY),
                },
                "--base-url",
            )),
            (Some(_), None) => Err(Error::new(
                ErrorKind::Config,
                "--base-url needs the name of a model; add --model NAME, or set MAINSTEM_MODEL",
            )),
            (None, Some((address, reason))) => Ok((Self::Address(address), reason)),
            (None, None) if set("OPENAI_API_KEY").is_some() => {
                Ok((Self::Address(USUAL.into()), "OPENAI_API_KEY is set"))
            }
            (None, None) => Ok((Self::Address(DEMO.into()), "no key is set")),
        }
    }
}

/// An address names one server, and --base-url another.
fn contradiction(address: &str, reason: &str) -> Error {
    let name = address.split_once("://").map_or("NAME", |(_, name)| name);
    let message = format!(
        "--base-url and the address `{address}` (given by {reason}) name two servers; with --base-url \
         give the plain name that its server knows, such as --model {name}"
    );
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(base_url: Option<&str>, model: Option<&str>, set: &[(&str, &str)]) -> Choice {
        let variables = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Choice::of(base_url, model, &variables).unwrap().0
    }

    fn address(address: &str) -> Choice {
        Choice::Address(address.to_owned())
    }

    #[test]
    fn the_nearest_wish_counts() {
        let all = [("MAINSTEM_MODEL", "groq://m"), ("OPENAI_API_KEY", "k")];
        assert_eq!(
            choice(None, Some("ollama://m"), &all),
            address("ollama://m")
        );
        assert_eq!(choice(None, None, &all), address("groq://m"));
        assert_eq!(choice(None, None, &all[1..]), address(USUAL));
        assert_eq!(choice(None, None, &[]), address("demo"));
        let blank = [("MAINSTEM_MODEL", ""), ("OPENAI_API_KEY", " ")];
        assert_eq!(choice(None, None, &blank), address("demo"));
    }

    #[test]
    fn a_server_gets_its_own_key_and_no_other() {
        let key = |set: &[(&str, &str)]| match choice(Some("http://h/v1"), Some("m"), set) {
            Choice::Server { key_variable, .. } => key_variable,
            Choice::Address(_) => panic!("a base URL is a server"),
        };
        let both = [("MAINSTEM_API_KEY", "own"), ("OPENAI_API_KEY", "k")];
        assert_eq!(key(&both), Some("MAINSTEM_API_KEY"));
        assert_eq!(key(&both[1..]), None);
        assert_eq!(key(&[]), None);
    }

    #[test]
    fn a_base_url_and_an_address_contradict_each_other() {
        let error = |model: Option<&str>, set: Option<&str>| {
            let variables =
                |name: &str| set.filter(|_| name == "MAINSTEM_MODEL").map(str::to_owned);
            let choice = Choice::of(Some("http://h/v1"), model, &variables);
            choice
                .err()
                .map(|error| error.message().to_owned())
                .unwrap()
        };
        let by_flag = error(Some("openai://m"), None);
        assert!(
            by_flag.contains("by --model") && by_flag.ends_with("--model m"),
            "{by_flag}"
        );
        assert!(error(None, Some("openai://m")).contains("by MAINSTEM_MODEL"));
        assert!(error(Some("openai+responses://m"), None).ends_with("--model m"));
        assert!(error(Some("demo"), None).ends_with("--model NAME"));
        // A server of one's own may call its models anything else.
        let own = choice(Some("http://h/v1"), Some("hf://m"), &[]);
        assert!(matches!(own, Choice::Server { name, .. } if name == "hf://m"));
    }
}
