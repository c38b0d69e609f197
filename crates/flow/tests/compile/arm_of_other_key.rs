//! The keys of the arms are what the function gives.
use mainstem_flow::{Flow, by};

fn main() {
    let _ = Flow::<String>::new("f").branch(
        "length",
        by(|text: &String| text.len() > 100).arm("long", |text: String| text),
    );
}
