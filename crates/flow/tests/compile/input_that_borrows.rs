//! What a flow takes owns its data: a `String`, not a `&str`.
use mainstem_flow::Flow;

fn main() {
    let flow = Flow::new("f").step("length", |text: &'static str| text.len());
    let _ = flow.run("jays");
}
