//! What a process can learn about itself from `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// The CPU time of all threads of this process so far, in nanoseconds.
///
/// `schedstat` is used, because it counts nanoseconds; the clock ticks of `stat` are 10 ms long.
pub(crate) fn cpu_ns() -> Result<u64> {
    let mut total = 0;
    for task in fs::read_dir("/proc/self/task").context("this bench needs Linux")? {
        let path = task?.path().join("schedstat");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        total += schedstat_ns(&text).with_context(|| format!("{} is odd", path.display()))?;
    }
    Ok(total)
}

/// The first of the three numbers: time on the CPU.
fn schedstat_ns(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// The memory of this process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All that is resident.
    pub(crate) resident: u64,
    /// Of it, what isn't a part of a file: no code.
    pub(crate) anonymous: u64,
    /// The most that was ever resident.
    pub(crate) peak: u64,
}

pub(crate) fn memory() -> Result<Memory> {
    let text = fs::read_to_string("/proc/self/status").context("this bench needs Linux")?;
    let field = |name| field_bytes(&text, name).with_context(|| format!("status lacks {name}"));
    Ok(Memory {
        resident: field("VmRSS")?,
        anonymous: field("RssAnon")?,
        peak: field("VmHWM")?,
    })
}

/// A field such as `VmRSS:      1984 kB`, in bytes.
fn field_bytes(status: &str, name: &str) -> Option<u64> {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?.strip_prefix(':')?;
        let kilobytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes * 1024)
    };
    status.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedstat_begins_with_the_time() {
        assert_eq!(schedstat_ns("1234567 89 10\n"), Some(1_234_567));
        assert_eq!(schedstat_ns(""), None);
    }

    #[test]
    fn status_has_kilobytes() {
        let status = "Name:\tx\nVmHWM:\t    1984 kB\nVmRSS:\t      12 kB\nThreads:\t1\n";
        assert_eq!(field_bytes(status, "VmRSS"), Some(12 * 1024));
        assert_eq!(field_bytes(status, "VmHWM"), Some(1984 * 1024));
        assert_eq!(field_bytes(status, "Vm"), None);
        assert_eq!(field_bytes(status, "Threads"), None);
    }

    #[test]
    fn this_process_has_both() {
        let memory = memory().unwrap();
        assert!(memory.peak >= memory.resident && memory.resident >= memory.anonymous);
        assert!(cpu_ns().unwrap() > 0);
    }
}
