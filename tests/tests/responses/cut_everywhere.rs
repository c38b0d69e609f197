//! The suite of `mainstem-testkit`: streams of real servers' shapes, cut and split everywhere.

use mainstem::models::Responses;
use mainstem_tests::client;

fn adapter(base_url: &str) -> Responses {
    let builder = Responses::builder("m").base_url(base_url);
    builder.client(client()).build().unwrap()
}

mainstem_testkit::cut_everywhere!(responses, adapter);
