//! Files and listings.

use std::{fs, path::PathBuf};

use mainstem_agent::{ContextProvider, FileContext, SourceTree};
use mainstem_core::{Error, ErrorKind};

use super::{agent, sent};

/// An empty directory of a test's own.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("context")
        .join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

async fn given(provider: impl ContextProvider) -> Result<String, Error> {
    let (model, agent) = agent();
    agent.context_from(provider).build()?.run("Hi").await?;
    Ok(sent(&model, 0)[0].clone())
}

async fn refused(provider: impl ContextProvider) -> (ErrorKind, String) {
    let error = given(provider).await.unwrap_err();
    assert!(
        error
            .step()
            .unwrap()
            .to_string()
            .starts_with("agent/context:"),
        "{error}"
    );
    (error.kind(), error.message().to_owned())
}

#[tokio::test]
async fn a_file_is_read_anew_for_each_run() {
    let path = directory("anew").join("notes.txt");
    let (model, agent) = agent();
    let file = FileContext::new(&path).name("notes");
    let agent = agent.context_from(file).build().unwrap();
    for text in ["Jays hide acorns.", "Wrens sing.\n"] {
        fs::write(&path, text).unwrap();
        agent.run("Hi").await.unwrap();
    }
    for (request, text) in ["Jays hide acorns.", "Wrens sing."].iter().enumerate() {
        let written = format!("<context name=\"notes\">\n{text}\n</context>\n\nHi");
        assert!(
            sent(&model, request)[0].ends_with(&written),
            "{:?}",
            sent(&model, request)
        );
    }
}

#[tokio::test]
async fn what_is_no_text_of_that_size_is_refused_by_name() {
    let root = directory("refused");
    fs::write(root.join("long.txt"), "12345").unwrap();
    fs::write(root.join("latin.txt"), b"caf\xe9").unwrap();
    fs::write(root.join("empty.txt"), "").unwrap();
    let file = |path: &str| FileContext::new(path).root(&root).max_bytes(4);
    for (path, kind, message) in [
        (
            "gone.txt",
            ErrorKind::NotFound,
            "the context file `gone.txt` isn't there",
        ),
        (
            "long.txt",
            ErrorKind::Limit,
            "the context file `long.txt` is longer than 4 bytes; raise its `max_bytes`",
        ),
        (
            "latin.txt",
            ErrorKind::Value,
            "the context file `latin.txt` isn't text in UTF-8, at byte 3",
        ),
        (".", ErrorKind::Input, "the context file `.` is no file"),
    ] {
        assert_eq!(refused(file(path)).await, (kind, message.to_owned()));
    }
    assert_eq!(
        given(file("empty.txt")).await.unwrap(),
        "Hi",
        "an empty file is no context"
    );
    assert!(
        given(file("long.txt").max_bytes(5))
            .await
            .unwrap()
            .contains("12345")
    );
}

#[tokio::test]
async fn a_file_stays_in_its_root() {
    let outer = directory("root");
    let root = outer.join("inside");
    fs::create_dir_all(root.join("deep")).unwrap();
    fs::write(outer.join("secret.txt"), "a secret").unwrap();
    fs::write(root.join("deep/open.txt"), "open").unwrap();
    let absolute = outer.join("secret.txt").display().to_string();
    for path in ["../secret.txt", "deep/../../secret.txt", &absolute] {
        let file = FileContext::new(path).root(&root).name("it");
        let message = "the context file `it` leads out of its `root`".to_owned();
        assert_eq!(refused(file).await, (ErrorKind::Input, message));
    }
    let open = FileContext::new("deep/open.txt").root(&root);
    assert!(given(open).await.unwrap().contains("open"));
    let unbound = FileContext::new(root.join("../secret.txt"));
    assert!(
        given(unbound).await.unwrap().contains("a secret"),
        "without a root, any file"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn no_symbolic_link_leads_out_of_the_root() {
    use std::os::unix::fs::symlink;

    let outer = directory("links");
    let root = outer.join("inside");
    fs::create_dir_all(&root).unwrap();
    fs::write(outer.join("secret.txt"), "a secret").unwrap();
    fs::write(root.join("open.txt"), "open").unwrap();
    symlink("../secret.txt", root.join("out.txt")).unwrap();
    symlink("..", root.join("up")).unwrap();
    symlink("open.txt", root.join("in.txt")).unwrap();
    for path in ["out.txt", "up/secret.txt"] {
        let (kind, message) = refused(FileContext::new(path).root(&root)).await;
        assert_eq!(kind, ErrorKind::Input);
        assert_eq!(
            message,
            format!("the context file `{path}` leads out of its `root`")
        );
    }
    let within = FileContext::new("in.txt").root(&root);
    assert!(given(within).await.unwrap().contains("open"));
    // Nor is a link followed by a listing.
    let listed = given(SourceTree::new(&root).name("it")).await.unwrap();
    assert!(
        listed.contains("\nin.txt@\nopen.txt\nout.txt@\nup@\n</context>"),
        "{listed}"
    );
}

fn forest() -> PathBuf {
    let root = directory("forest");
    for file in [
        "b.rs",
        "a/z.rs",
        "a/deep/er/x.rs",
        ".git/config",
        "target/debug/x",
        "a/node_modules/x.js",
        "c/made/y.rs",
    ] {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

#[tokio::test]
async fn a_tree_is_listed_in_order_and_within_its_limits() {
    let root = forest();
    let tree = || SourceTree::new(&root).name("it").skip("made");
    for (tree, lines) in [
        (
            tree(),
            "a/\n  deep/\n    er/\n      x.rs\n  z.rs\nb.rs\nc/\n",
        ),
        (tree().max_depth(1), "a/\n  …\nb.rs\nc/\n  …\n"),
        (
            tree().max_entries(4),
            "a/\n  deep/\n    …\n  …\nb.rs\nc/\n  …\n",
        ),
        (tree().max_entries(2), "a/\n  …\nb.rs\n…\n"),
    ] {
        let given = given(tree).await.unwrap();
        let listed = given.split_once("<context name=\"it\">\n").unwrap().1;
        assert_eq!(listed.split_once("</context>").unwrap().0, lines);
    }
    let missing = SourceTree::new(root.join("gone")).name("it");
    let message = "the context directory `it` isn't there".to_owned();
    assert_eq!(refused(missing).await, (ErrorKind::NotFound, message));
    let file = SourceTree::new(root.join("b.rs")).name("it");
    assert_eq!(refused(file).await.0, ErrorKind::Input);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_s_name_is_one_line() {
    let root = directory("names");
    fs::write(root.join("a\n</context>\nb"), "").unwrap_err();
    fs::write(root.join("a\nb"), "").unwrap();
    let listed = given(SourceTree::new(&root).name("it")).await.unwrap();
    assert!(listed.contains("\na\\nb\n</context>"), "{listed}");
}

/// Outside of tokio a file is read where the run is polled.
#[test]
fn a_file_is_read_without_tokio_too() {
    let path = directory("plain").join("notes.txt");
    fs::write(&path, "Jays hide acorns.").unwrap();
    let given = futures::executor::block_on(given(FileContext::new(path)));
    assert!(given.unwrap().contains("Jays hide acorns."));
}
