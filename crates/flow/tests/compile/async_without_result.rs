//! An async function gives a `StepResult`.
use mainstem_flow::Flow;

async fn upper(text: String) -> String {
    text.to_uppercase()
}

fn main() {
    let _: Flow<String, _> = Flow::new("f").step("upper", upper);
}
