//! A branch has arms: only they say what it gives.
use mainstem_flow::{Flow, by};

fn main() {
    let _ = Flow::<u32>::new("f").branch("size", by(|n: &u32| *n > 2));
}
