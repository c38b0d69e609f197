//! Where the lines that were typed are kept.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// The file of the history; none, if there shall be none, or nobody knows where.
pub(super) fn file(variables: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(file) = variables("MAINSTEM_HISTORY") {
        return Some(file)
            .filter(|file| !file.is_empty())
            .map(PathBuf::from);
    }
    // A relative folder would be another one wherever the program is started.
    let folder = |name: &str| {
        variables(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        let home = || Some(folder("HOME")?.join(".local/state"));
        folder("XDG_STATE_HOME").or_else(home)
    };
    Some(state?.join("mainstem").join("history"))
}

/// Makes the file and its folder, if they aren't there; nobody else may read what was typed.
pub(super) fn prepare(file: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folder.mode(0o700);
        options.mode(0o600);
    }
    if let Some(parent) = file.parent() {
        folder.recursive(true).create(parent)?;
    }
    options.append(true).create(true).open(file)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn file_of(set: &[(&str, &str)]) -> Option<PathBuf> {
        file(&|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn it_is_among_the_users_state() {
        let home = ("HOME", "/ada");
        let of = |set: &[_]| file_of(set).map(|file| file.display().to_string());
        let usual = Some("/ada/.local/state/mainstem/history".to_owned());
        assert_eq!(of(&[home]), usual);
        assert_eq!(of(&[home, ("XDG_STATE_HOME", "relative")]), usual);
        let state = of(&[home, ("XDG_STATE_HOME", "/state")]);
        assert_eq!(state.as_deref(), Some("/state/mainstem/history"));
        assert_eq!(of(&[home, ("MAINSTEM_HISTORY", "h")]).as_deref(), Some("h"));
        assert_eq!(of(&[home, ("MAINSTEM_HISTORY", "")]), None);
        assert_eq!(of(&[]), None);
    }
}
