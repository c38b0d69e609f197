//! The program, run as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use crate::client::{Client, Response, request};
use mainstem_testkit::Fixture;

/// The program, killed when the test is over.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn serve(arguments: &[&str]) -> Self {
        Self::start(&mut command(arguments))
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
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

#[cfg(all(unix, feature = "record"))]
impl Program {
    /// Ends it as Ctrl-C does, and returns what it said on standard error.
    fn interrupt(mut self) -> String {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
        let mut said = String::new();
        let mut error = self.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut error, &mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
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

#[tokio::test]
async fn it_lists_fixtures_and_plays_one() {
    let list = run(&["fixtures"]);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert_eq!(list.lines().count(), Fixture::all().len());
    assert!(list.contains("\nresponses-failed"), "{list}");
    let fixture = Fixture::named("gemini-tools").unwrap();
    let shown = run(&["fixtures", "gemini-tools"]).stdout;
    assert_eq!(shown, fixture.body()[..]);
    let program = Program::serve(&["serve", "--fixture", "gemini-tools"]);
    assert_eq!(program.ask().await.body, fixture.body()[..]);
    let unknown = run(&["serve", "--fixture", "goose"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no fixture is called `goose`"));
}

#[cfg(all(unix, feature = "record"))]
#[tokio::test]
async fn it_records_until_it_is_stopped_and_replays() {
    let name = format!("testkit-program-{}.jsonl", std::process::id());
    let path = std::env::temp_dir().join(name);
    let path = path.to_str().unwrap();
    let upstream = Program::serve(&["serve", "--text", "Hello, sesame-seed"]);
    let url = format!("http://{}/v1", upstream.address);
    let mut recorder = command(&["record", "--upstream", &url, "--out", path]);
    recorder.args([
        "--secret-env",
        "TESTKIT_SECRET",
        "--keep-header",
        "x-request-id",
    ]);
    recorder.env("TESTKIT_SECRET", "sesame-seed");
    let recorder = Program::start(recorder.stderr(Stdio::piped()));
    let recorded = recorder.ask().await;
    assert!(recorded.complete && recorded.text().contains("esam"));
    let said = recorder.interrupt();
    assert!(said.contains("1 exchange in "), "{said}");

    let again = run(&["record", "--upstream", &url, "--out", path]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
    let mut replay = command(&["replay", path, "--match", "by-body"]);
    let replay = Program::start(replay.stderr(Stdio::piped()));
    let replayed = replay.ask().await;
    assert_eq!(replayed.header("x-request-id"), Some("req-testkit-0"));
    assert!(replayed.complete && replayed.text().contains("Hell"));
    assert!(!replayed.text().contains("e-se"), "{}", replayed.text());
    assert_eq!(replay.ask().await.status(), 400);
    let said = replay.interrupt();
    assert!(
        said.contains("request 1 (POST /v1/chat/completions)"),
        "{said}"
    );
    std::fs::remove_file(path).unwrap();
}
