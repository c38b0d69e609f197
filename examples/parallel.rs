//! Two branches of half a second each: they stream at the same time, and take half a second.
use std::io::Write;
use std::time::{Duration, Instant};

use mainstem::{TextDelta, prelude::*};

/// Says its letter ten times, every 50 ms, as a model would.
async fn speak(ctx: RunContext, letter: &'static str, _topic: String) -> StepResult<usize> {
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ctx.emit(TextDelta::new(letter)).await;
    }
    Ok(10)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flow = Flow::new("duet").parallel(
        "views",
        (
            named("expert", with("E", speak)),
            named("sceptic", with("s", speak)),
        ),
    );
    let begun = Instant::now();
    let mut run = flow.run_streamed("jays");
    while let Some(chunk) = run.next_text().await? {
        print!("{chunk}");
        std::io::stdout().flush()?;
    }
    println!(
        "\n{:?} in {:.2} s",
        run.await?.output,
        begun.elapsed().as_secs_f32()
    );
    Ok(())
}
