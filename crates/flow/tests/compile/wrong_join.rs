//! The second step takes a `String`; the first gives a `usize`.
use mainstem_flow::Flow;

fn main() {
    let _: Flow<String, _> = Flow::new("f")
        .step("count", |text: String| text.len())
        .step("upper", |text: String| text.to_uppercase());
}
