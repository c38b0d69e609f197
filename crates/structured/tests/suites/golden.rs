//! Tables that are committed; `UPDATE_GOLDEN=1` writes them anew.

use std::{env, fs, path::Path};

pub(crate) fn assert_table(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/suites")
        .join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        actual, expected,
        "{name} says otherwise; if it is meant, UPDATE_GOLDEN=1 writes it anew"
    );
}
