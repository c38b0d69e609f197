//! What a step gives crosses a boundary: it needs serde.
use mainstem_flow::Flow;

struct Plain(u8);

fn main() {
    let _: Flow<u8, _> = Flow::new("f")
        .step("make", async |n: u8| Ok(Plain(n)))
        .step("take", async |plain: Plain| Ok(plain.0));
}
