//! The same for a function that isn't async.
use mainstem_flow::Flow;

struct Plain(u8);

fn main() {
    let _: Flow<u8, _> = Flow::new("f").step("make", |n: u8| Plain(n));
}
