//! Each branch takes what the step before gives.
use mainstem_flow::Flow;

fn main() {
    let _: Flow<String, _> = Flow::new("f")
        .parallel("both", (|text: String| text.len(), |n: usize| n + 1));
}
