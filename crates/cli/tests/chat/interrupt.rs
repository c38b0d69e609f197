//! Ctrl-C, as the signal that it is.

use mainstem_testkit::{Gate, Reply};
use tokio::process::{Child, Command};

use crate::harness::{Done, chat, gated, read, server, soon};

async fn interrupt(child: &Child) {
    let kill = format!("kill -INT {}", child.id().unwrap());
    let status = Command::new("sh").args(["-c", &kill]).status().await;
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn it_stops_the_model_and_keeps_the_text() {
    let gate = Gate::new();
    let server = server([gated("Half", &gate, "never")]).await;
    let mut child = chat(&server, &["x"]).spawn().unwrap();
    read(child.stdout.as_mut().unwrap(), "Half").await;

    interrupt(&child).await;

    soon(server.disconnected(0)).await;
    let done = Done::after(child).await;
    done.is(130, "\n");
    assert_eq!(done.stderr, "(stopped)\n");
}

#[tokio::test]
async fn before_the_first_word_too() {
    let gate = Gate::new();
    let server = server([Reply::text(["jay"]).gate_head(&gate)]).await;
    let child = chat(&server, &["x"]).spawn().unwrap();
    soon(server.requested(0)).await;
    interrupt(&child).await;
    soon(server.disconnected(0)).await;
    Done::after(child).await.tells(130, "", &["(stopped)\n"]);
}

#[tokio::test]
async fn its_event_is_the_last() {
    let gate = Gate::new();
    let server = server([gated("Half", &gate, "never")]).await;
    let child = chat(&server, &["--events", "x"]).spawn().unwrap();
    soon(gate.arrived(1)).await;
    interrupt(&child).await;
    let done = Done::after(child).await;
    assert_eq!(done.code, Some(130));
    let last = done.stdout.lines().last().unwrap();
    assert!(last.contains(r#""type":"run_cancelled""#), "{last}");
}

/// Nobody reads stdout, and it is full: the first Ctrl-C stops the model all the same, the second
/// ends the program.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_is_heard_while_nobody_reads() {
    use std::io::Write as _;

    use tokio::io::AsyncReadExt as _;

    let (_reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe holds.
    writer.write_all(&[b'.'; 65536]).unwrap();
    let gate = Gate::new();
    // In one piece: whoever has read the refusal knows that the text is on its way to stdout.
    let reply = Reply::stream().role().refusal("No.").content("Half");
    let server = server([reply.gate(&gate).chunk_size(1 << 16)]).await;
    let mut child = chat(&server, &["x"]).stdout(writer).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut refusal = [0; 3];
    soon(stderr.read_exact(&mut refusal)).await.unwrap();

    interrupt(&child).await;
    soon(server.disconnected(0)).await;
    interrupt(&child).await;

    assert_eq!(Done::after(child).await.code, Some(130));
    let mut rest = String::new();
    soon(stderr.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "\n(stopped)\n");
}
