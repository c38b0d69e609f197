//! What the server says of itself.

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::program::{Program, done, serve, soon};

/// A connection that sends what is no HTTP, until the server closes it.
async fn babble(program: &Program) {
    let mut stream = soon(TcpStream::connect(program.address())).await.unwrap();
    stream.write_all(b"jays\r\n\r\n").await.unwrap();
    // However it ends.
    let _ = soon(stream.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn as_much_as_is_asked_for() {
    let mut program = Program::start(&["--log", "debug"]).await;
    babble(&program).await;
    let mut lines = BufReader::new(program.child.stderr.take().unwrap()).lines();
    loop {
        let line = soon(lines.next_line()).await.unwrap();
        let line = line.expect("it ended without a word of the connection");
        if line.contains("mainstem::serve") && line.contains("connection failed") {
            break;
        }
    }
}

#[tokio::test]
async fn nothing_of_its_clients_faults_by_default() {
    let mut program = Program::start(&[]).await;
    babble(&program).await;
    assert_eq!(program.get("/health").await.status(), 200);
    program.child.start_kill().unwrap();
    let mut said = String::new();
    let mut stderr = program.child.stderr.take().unwrap();
    soon(stderr.read_to_string(&mut said)).await.unwrap();
    assert!(!said.contains("connection"), "{said}");
}

#[tokio::test]
async fn a_level_that_is_none_is_refused() {
    let (code, said) = done(serve(&["--log", "loud"])).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("debug"), "{said}");
}
