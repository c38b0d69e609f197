//! The heap at its peak, counted by valgrind's dhat: no allocator of our own in the way.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Task;

/// What a checker may use besides the text: the state of what is open, the least sizes of buffers.
pub(crate) const OPEN: u64 = 4_096;

/// The most bytes that a task has on the heap at a time.
pub(crate) fn peak(task: &Task) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=dhat", "--dhat-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(task.to_args())
        .output()
        .context("valgrind can't be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "dhat ended with {}: {told}",
        output.status
    );
    at_peak(&told).with_context(|| format!("dhat told no peak: {told}"))
}

/// The bytes of a line such as `==1== At t-gmax: 1,234 bytes in 5 blocks`.
fn at_peak(told: &str) -> Option<u64> {
    let (_, rest) = told.split_once("At t-gmax:")?;
    let digits = rest.split_whitespace().next()?.replace(',', "");
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_told() {
        let told =
            "==7== Total:     9,999 bytes in 9 blocks\n==7== At t-gmax: 1,234 bytes in 5 blocks\n";
        assert_eq!(at_peak(told), Some(1_234));
        assert_eq!(at_peak("==7== Total: 1 bytes"), None);
    }
}
