//! How many files a process may open: a reader is one, on either side.

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a process opens beside its readers.
const OTHERS: u64 = 200;

/// Asks for as many as there are readers; what is had is the answer.
pub(super) fn readers(wanted: u32) -> Result<u32> {
    let allowed = raise(u64::from(wanted) + OTHERS)?;
    let readers = allowed.saturating_sub(OTHERS);
    Ok(wanted.min(u32::try_from(readers).unwrap_or(u32::MAX)))
}

/// Raises the limit of this process, and so of those that it starts, as far as it may.
fn raise(files: u64) -> Result<u64> {
    let limit = Resource::RLIMIT_NOFILE;
    let (soft, hard) = getrlimit(limit).context("the limit of open files can't be read")?;
    if soft >= files {
        return Ok(soft);
    }
    // Beyond the hard limit only root gets, and not everywhere.
    if setrlimit(limit, files.max(hard), files.max(hard)).is_ok() {
        return Ok(files.max(hard));
    }
    let most = hard.min(files);
    setrlimit(limit, most, hard).context("the limit of open files can't be raised")?;
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_was_wanted() {
        assert_eq!(readers(1).unwrap(), 1);
        assert!(readers(u32::MAX).unwrap() < u32::MAX);
    }
}
