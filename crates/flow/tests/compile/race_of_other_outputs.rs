//! All that race give the same.
use mainstem_flow::Flow;

fn main() {
    let _ = Flow::<String>::new("f")
        .race("first", (|text: String| text.len(), |text: String| text));
}
