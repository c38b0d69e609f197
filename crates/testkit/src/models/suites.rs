//! The macro that makes a test of each fixture.

/// The tests of an adapter, one for each fixture of a wire, in the module where it stands.
///
/// The wire is `chat` or `responses`; the closure makes the adapter for a base URL. See the module
/// [`models`](crate::models) for what is demanded.
#[macro_export]
macro_rules! cut_everywhere {
    (chat, $make:expr) => {
        $crate::__cut_tests! {
            $make;
            azure_filtered,
            azure_text,
            deepseek_reasoning,
            gemini_tools,
            groq_reasoning,
            litellm_text,
            llamacpp_text,
            mistral_reasoning,
            ollama_tools,
            openai_refusal,
            openai_text,
            openai_tools,
            openrouter_error,
            openrouter_late_error,
            openrouter_reasoning,
            tgi_text,
            vllm_tools,
        }
    };
    (responses, $make:expr) => {
        $crate::__cut_tests! {
            $make;
            responses_bare,
            responses_cut_short,
            responses_failed,
            responses_proxy,
            responses_refusal,
            responses_text,
            responses_thinking,
            responses_tools,
            responses_whole,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __cut_tests {
    ($make:expr; $($fixture:ident,)*) => {$(
        #[::tokio::test]
        async fn $fixture() {
            $crate::models::prove(stringify!($fixture), $make).await;
        }
    )*};
}

#[cfg(test)]
mod tests {
    use crate::{Fixture, Wire};

    #[test]
    fn no_fixture_is_forgotten() {
        let (chat, responses) = include_str!("suites.rs")
            .split_once("(responses, ")
            .unwrap();
        for fixture in Fixture::all() {
            let name = fixture.name().replace('-', "_");
            let listed = match fixture.wire() {
                Wire::Chat => chat,
                Wire::Responses => responses,
            };
            assert!(listed.contains(&format!(" {name},")), "{name}");
        }
    }
}
