//! The program, run as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use crate::client::{Client, Response, request};

/// The program, killed when the test is over.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn serve(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim_end()
            .strip_prefix("http://")
            .unwrap()
            .strip_suffix("/v1")
            .unwrap();
        Self {
            child,
            address: address.parse().unwrap(),
        }
    }

    async fn ask(&self) -> Response {
        let mut client = Client::connect_to(self.address).await;
        client.send(&request(true)).await;
        client.response().await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstem-testkit"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

#[tokio::test]
async fn it_serves_the_text_in_pieces() {
    let program = Program::serve(&[
        "serve",
        "--text",
        "Hello",
        "--chunk-size",
        "3",
        "--delay-ms",
        "1",
    ]);
    let text = program.ask().await.text();
    for piece in [r#""content":"Hel""#, r#""content":"lo""#, "[DONE]"] {
        assert!(text.contains(piece), "{text}");
    }
}

#[tokio::test]
async fn it_fails_as_it_is_told() {
    let cut = Program::serve(&["serve", "--fault", "cut"]).ask().await;
    assert!(!cut.complete && cut.text().contains("Hell"));
    let end = Program::serve(&["serve", "--fault", "end"]).ask().await;
    assert!(end.complete && !end.text().contains("DONE"));
    let error = Program::serve(&["serve", "--fault", "error"]).ask().await;
    assert!(error.text().contains(r#"data: {"error""#));
    let status = Program::serve(&["serve", "--fault", "status:503"])
        .ask()
        .await;
    assert_eq!(status.status(), 503);
}

#[tokio::test]
async fn it_plays_a_script_again_and_again() {
    let path = std::env::temp_dir().join(format!("testkit-script-{}.json", std::process::id()));
    std::fs::write(&path, r#"[{"text": ["one"]}, {"status": 429, "json": {}}]"#).unwrap();
    let program = Program::serve(&["serve", "--script", path.to_str().unwrap()]);
    for status in [200, 429, 200] {
        assert_eq!(program.ask().await.status(), status);
    }
    std::fs::write(&path, "[]").unwrap();
    let empty = run(&["serve", "--script", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    assert!(!empty.status.success());
    assert!(String::from_utf8_lossy(&empty.stderr).contains("the script has no replies"));
}

#[test]
fn it_explains_itself_and_its_errors() {
    let help = run(&["serve", "--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("--fault"));
    let fault = run(&["serve", "--fault", "sulk"]);
    assert!(String::from_utf8_lossy(&fault.stderr).contains("one of cut, end, stall"));
}
