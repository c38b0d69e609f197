//! An async closure can't capture; `with` hands it what it needs.
use mainstem_flow::Flow;

fn main() {
    let name = String::from("jay");
    let _: Flow<String, _> = Flow::new("f")
        .step("greet", async move |text: String| Ok(format!("{text}, {name}")));
}
