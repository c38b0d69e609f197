use std::{fs, path::PathBuf};

use serde_json::Value;

/// The value must be what `golden/NAME.json` has; `UPDATE_GOLDEN=1` writes the file anew.
pub fn golden(name: &str, value: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(format!("{name}.json"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{value:#}\n")).unwrap();
    }
    let kept = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; UPDATE_GOLDEN=1 writes it"));
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(*value, kept, "golden/{name}.json differs");
}
