//! What a closure gives is plain data, also that of the first one.
use mainstem_flow::Flow;

struct Bird(String);

fn main() {
    let _ = Flow::new("f").step("name", |text: String| Bird(text));
}
