//! All arms of a branch give the same.
use mainstem_flow::{Flow, by};

fn main() {
    let _ = Flow::<String>::new("f").branch(
        "length",
        by(|text: &String| text.len() > 100)
            .arm(true, |text: String| text.len())
            .arm(false, |text: String| text),
    );
}
