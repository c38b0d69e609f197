//! A round gives what the next one takes.
use mainstem_flow::{Flow, up_to};

fn main() {
    let _ = Flow::<String>::new("f").repeat(
        "refine",
        up_to(3, |text: String| text.len()).until(|text: &String| text.is_empty()),
    );
}
