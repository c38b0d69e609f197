use mainstem_agent::Agent;

fn main() {
    let _ = Agent::builder("openai://gpt-5-mini");
    let _ = Agent::builder(String::from("gpt-5-mini"));
}
