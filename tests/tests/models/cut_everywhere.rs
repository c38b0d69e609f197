//! The suite of `mainstem-testkit`: streams of real servers' shapes, cut and split everywhere.

use mainstem::models::{ChatCompletions, Responses};
use mainstem_testkit::{Fixture, Wire, models::cut_everywhere};
use mainstem_tests::client;

fn adapter(base_url: &str) -> ChatCompletions {
    ChatCompletions::builder("m")
        .base_url(base_url)
        .client(client())
        .build()
        .unwrap()
}

mod chat {
    use super::*;

    mainstem_testkit::cut_everywhere!(chat, adapter);
}

mod responses {
    use super::*;

    mainstem_testkit::cut_everywhere!(responses, |base_url: &str| {
        let model = Responses::builder("m").base_url(base_url).client(client());
        model.build().unwrap()
    });
}

/// A stream of one's own, that never says how it ends.
#[tokio::test]
async fn a_fixture_without_an_end_is_truncated_everywhere() {
    let frame = "data: {\"choices\":[{\"delta\":{\"content\":\"Auk\"}}]}\n\n";
    let fixture = Fixture::new("half", Wire::Chat, frame.repeat(2));
    let played = cut_everywhere(&fixture, adapter).await;
    assert!(played.is_ok_and(|count| count > 3 * fixture.body().len()));
    let expected = r#"{"text": "AukAu", "error": "truncated"}"#;
    let fixture = fixture.expecting(serde_json::from_str(expected).unwrap());
    let fault = cut_everywhere(&fixture, adapter).await.unwrap_err();
    let told = "half, sent whole: the text should be \"AukAu\", and is \"AukAuk\"";
    assert_eq!(fault.to_string(), told);
}

/// Adapters that do what the suite is there to find.
mod faulty {
    use futures::{StreamExt, stream};
    use mainstem::{
        Error, ErrorKind, FinishReason, Model, ModelEvent, ModelRequest, ModelStream, Result,
    };

    use super::*;

    /// A good adapter, and what is done to its items.
    struct Faulty<F>(ChatCompletions, F);

    impl<F> Model for Faulty<F>
    where
        F: Fn(Result<ModelEvent>) -> Vec<Result<ModelEvent>> + Clone + Send + Sync + 'static,
    {
        fn id(&self) -> &str {
            self.0.id()
        }

        fn stream(&self, request: ModelRequest) -> ModelStream {
            let fault = self.1.clone();
            let items = self.0.stream(request);
            ModelStream::new(items.flat_map(move |item| stream::iter(fault(item))))
        }
    }

    async fn what_is_found<F>(fault: F) -> String
    where
        F: Fn(Result<ModelEvent>) -> Vec<Result<ModelEvent>> + Clone + Send + Sync + 'static,
    {
        let fixture = Fixture::named("tgi-text").unwrap();
        let make = |base_url: &str| Faulty(adapter(base_url), fault.clone());
        let found = cut_everywhere(&fixture, make).await;
        found.unwrap_err().to_string()
    }

    fn is_truncated(item: &Result<ModelEvent>) -> bool {
        matches!(item, Err(error) if error.kind() == ErrorKind::Truncated)
    }

    #[tokio::test]
    async fn an_invented_end_is_found_at_the_first_byte() {
        let found = what_is_found(|item| match is_truncated(&item) {
            true => vec![Ok(ModelEvent::Finished(FinishReason::Stop))],
            false => vec![item],
        });
        let found = found.await;
        assert!(found.starts_with("tgi-text, cut at byte 0: "), "{found}");
        assert!(found.contains("before its signal had come"), "{found}");
        assert!(found.contains("…▮data:{"), "the place is shown: {found}");
    }

    #[tokio::test]
    async fn another_kind_of_error_is_found() {
        let found = what_is_found(|item| match is_truncated(&item) {
            true => vec![Err(Error::new(ErrorKind::Model, "cut"))],
            false => vec![item],
        });
        let found = found.await;
        assert!(found.contains("Failed(Truncated)"), "{found}");
        assert!(found.contains("Failed(Model)"), "{found}");
    }

    #[tokio::test]
    async fn what_is_delivered_twice_is_found() {
        let found = what_is_found(|item| match &item {
            Ok(ModelEvent::Text(_)) => vec![item.clone(), item],
            _ => vec![item],
        });
        let found = found.await;
        assert!(found.contains("sent whole: the text"), "{found}");
        // Only where the connection breaks.
        let found = what_is_found(|item| match is_truncated(&item) {
            true => vec![Ok(ModelEvent::Text("Larks".into())), item],
            false => vec![item],
        });
        let found = found.await;
        assert!(found.contains("no beginning of the whole"), "{found}");
    }

    #[tokio::test]
    async fn what_follows_an_end_is_found() {
        let found = what_is_found(|item| match is_truncated(&item) {
            true => vec![item, Ok(ModelEvent::Text("more".into()))],
            false => vec![item],
        });
        let found = found.await;
        assert!(found.contains("after its end"), "{found}");
    }

    /// A model that reads all before it gives out anything, or that tries again by itself.
    struct Slow(ChatCompletions, bool);

    impl Model for Slow {
        fn id(&self) -> &str {
            self.0.id()
        }

        fn stream(&self, request: ModelRequest) -> ModelStream {
            let (model, again) = (self.0.clone(), self.1);
            let all = async move {
                let items: Vec<_> = model.stream(request.clone()).collect().await;
                match items.iter().any(is_truncated) && again {
                    true => model.stream(request).collect().await,
                    false => items,
                }
            };
            ModelStream::new(stream::once(Box::pin(all)).flat_map(stream::iter))
        }
    }

    #[tokio::test]
    async fn what_is_held_back_and_another_request_are_found() {
        let fixture = Fixture::named("tgi-text").unwrap();
        for (again, expected) in [
            (false, "held back"),
            (true, "it was asked for more than once"),
        ] {
            let make = |base_url: &str| Slow(adapter(base_url), again);
            let found = cut_everywhere(&fixture, make).await.unwrap_err();
            let found = found.to_string();
            assert!(found.contains(expected), "{found}");
        }
    }
}
