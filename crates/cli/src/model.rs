//! Which model answers.

use std::{fmt, sync::Arc};

use mainstem::{Error, ErrorKind, Model, Result, models::ChatCompletions};

use crate::args::ChatFlags;

/// The model for those who have a key and no wish.
const USUAL: &str = "openai://gpt-5-mini";

/// The model that flags and environment ask for.
pub(crate) fn choose(flags: &ChatFlags) -> Result<Arc<dyn Model>> {
    let variables = |name: &str| std::env::var(name).ok();
    match Choice::of(
        flags.base_url.as_deref(),
        flags.model.as_deref(),
        &variables,
    )? {
        Choice::Address(address) => mainstem::model(&address),
        Choice::Server { url, name, key } => {
            let mut model = ChatCompletions::builder(name).base_url(url);
            if let Some(key) = key {
                model = model.api_key(key);
            }
            Ok(Arc::new(model.build()?))
        }
    }
}

#[derive(PartialEq)]
enum Choice {
    Address(String),
    Server {
        url: String,
        name: String,
        key: Option<String>,
    },
}

impl Choice {
    fn of(
        base_url: Option<&str>,
        model: Option<&str>,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        // A variable that is set to nothing isn't set.
        let set = |name| variables(name).filter(|value| !value.trim().is_empty());
        let model = model.map(str::to_owned).or_else(|| set("MAINSTEM_MODEL"));
        match (base_url, model) {
            (Some(url), Some(name)) => Ok(Self::Server {
                url: url.to_owned(),
                name,
                key: set("MAINSTEM_API_KEY").or_else(|| set("OPENAI_API_KEY")),
            }),
            (Some(_), None) => Err(Error::new(
                ErrorKind::Config,
                "--base-url needs the name of a model; add --model NAME, or set MAINSTEM_MODEL",
            )),
            (None, Some(address)) => Ok(Self::Address(address)),
            (None, None) if set("OPENAI_API_KEY").is_some() => Ok(Self::Address(USUAL.into())),
            (None, None) => Ok(Self::Address("demo".into())),
        }
    }
}

impl fmt::Debug for Choice {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.write_str(address),
            Self::Server { url, name, .. } => write!(f, "{name} at {url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(base_url: Option<&str>, model: Option<&str>, set: &[(&str, &str)]) -> Choice {
        let variables = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Choice::of(base_url, model, &variables).unwrap()
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
    fn a_server_gets_its_own_key_first() {
        let key = |set: &[(&str, &str)]| match choice(Some("http://h/v1"), Some("m"), set) {
            Choice::Server { key, .. } => key,
            Choice::Address(_) => panic!("a base URL is a server"),
        };
        let both = [("MAINSTEM_API_KEY", "own"), ("OPENAI_API_KEY", "k")];
        assert_eq!(key(&both).as_deref(), Some("own"));
        assert_eq!(key(&both[1..]).as_deref(), Some("k"));
        assert_eq!(key(&[]), None);
    }
}
