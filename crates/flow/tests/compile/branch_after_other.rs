//! A branch takes what the step before gives.
use mainstem_flow::{Flow, by};

fn main() {
    let _ = Flow::<String>::new("f")
        .step("count", |text: String| text.len())
        .branch("length", by(|text: &String| text.len() > 100).arm(true, |text: String| text));
}
