//! Which programs are there, by a mark among their arguments.

use std::{fs, time::Duration};

use tokio::process::Command;

/// The programs that were started with this argument, by their ids.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let ids = fs::read_dir("/proc").unwrap().flatten();
    ids.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let arguments = fs::read(entry.path().join("cmdline")).ok()?;
        let is_marked = arguments
            .split(|byte| *byte == 0)
            .any(|it| it == mark.as_bytes());
        is_marked.then_some(id)
    })
    .collect()
}

/// Waits until there are none.
pub(crate) async fn gone(mark: &str) {
    there(mark, 0).await;
}

/// Waits until there are so many.
pub(crate) async fn there(mark: &str, count: usize) {
    while marked(mark).len() != count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Kills them without a word.
pub(crate) async fn kill(mark: &str) {
    for id in marked(mark) {
        let kill = Command::new("kill")
            .args(["-KILL", &id.to_string()])
            .status();
        assert!(kill.await.unwrap().success());
    }
}
