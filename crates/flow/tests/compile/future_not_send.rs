//! What is held over an `.await` must be `Send`.
use std::rc::Rc;

use mainstem_flow::Flow;

async fn pause() {}

fn main() {
    let _: Flow<String, _> = Flow::new("f").step("hold", async |text: String| {
        let held = Rc::new(text);
        pause().await;
        Ok(held.len())
    });
}
