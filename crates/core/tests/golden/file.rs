//! Golden files: JSON arrays with one value a line, each in its compact form.

use std::{collections::BTreeSet, fmt::Debug, fs, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// The names of a folder's files, without `.json`.
pub(crate) fn names(folder: &str) -> BTreeSet<String> {
    fs::read_dir(path(folder))
        .unwrap()
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".json").unwrap().to_owned()
        })
        .collect()
}

/// The values must be written as the file has them, and the file be read as the values.
pub(crate) fn check<T>(name: &str, values: &[T])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let lines: Vec<_> = values
        .iter()
        .map(|value| serde_json::to_string(value).unwrap())
        .collect();
    let written = format!("[\n{}\n]\n", lines.join(",\n"));
    let path = path(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &written).unwrap();
    }
    let golden = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    assert_eq!(written, golden, "{name} has changed");
    let read: Vec<T> = serde_json::from_str(&golden).unwrap();
    assert_eq!(read, values, "{name} is read as something else");
}
