//! Inputs that go wrong, and what is left when one does.
use mainstem::{ErrorKind, prelude::*};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let agent = Agent::builder(model).max_input_bytes(8_000).build()?;

    let question = "How do I stop a run?";
    let cases = [
        (String::new(), 10_000),
        (question.to_owned(), 10_000),
        // The run ends at its limit, and closes the model's connection.
        (question.to_owned(), 200),
        ("A".repeat(10_000), 10_000),
    ];
    for (input, limit) in cases {
        println!(
            "\n--- an input of {} bytes, at most {limit} bytes of output",
            input.len()
        );
        let mut run = agent.run(input).max_output_bytes(limit).stream();
        let mut chunks = 0;
        let end = loop {
            match run.next_text().await {
                Ok(Some(_)) => chunks += 1,
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        match end {
            None => println!("finished after {chunks} chunks"),
            Some(error) if error.kind() == ErrorKind::Limit => {
                let kept = error.partial().map_or("", |partial| &*partial.text);
                println!("cut after {chunks} chunks: {error}\nwhat was shown is kept: {kept}");
            }
            Some(error) => println!("failed, of kind {:?}: {error}", error.kind()),
        }
    }
    Ok(())
}
