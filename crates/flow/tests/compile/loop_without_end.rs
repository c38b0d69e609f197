//! A loop says when it is enough.
use mainstem_flow::{Flow, up_to};

fn main() {
    let _ = Flow::<String>::new("f").repeat("refine", up_to(3, |text: String| text));
}
