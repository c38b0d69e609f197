//! A map goes over a list.
use mainstem_flow::{Flow, each};

fn main() {
    let _ = Flow::<String>::new("f").map("lengths", each(|text: String| text.len()));
}
