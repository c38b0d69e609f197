//! A map takes `each(step)`.
use mainstem_flow::Flow;

fn main() {
    let _ = Flow::<Vec<String>>::new("f").map("lengths", |text: String| text.len());
}
