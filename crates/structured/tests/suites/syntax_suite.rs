//! Nicolas Seriot's `JSONTestSuite`: what is JSON, what isn't, and what a parser may decide.

use std::{env, fs, path::PathBuf, process::Command};

use mainstem_structured::Schema;
use serde_json::Value;

use crate::{feeding::every_way, golden::assert_table};

/// The crate whose sources carry the files.
const CARRIER: &str = "actson";

/// Two files are longer: open brackets, refused at the 128th.
const SPLITS: usize = 1_000;

fn stdout(program: &str, args: &[&str]) -> Vec<u8> {
    let program = env::var_os(program.to_uppercase()).unwrap_or_else(|| program.into());
    let mut command = Command::new(program);
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

fn directory() -> PathBuf {
    let about = String::from_utf8(stdout("rustc", &["-vV"])).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    // The packages for other platforms need not be on this machine.
    let platform = format!("--filter-platform={}", host.unwrap());
    let metadata = stdout("cargo", &["metadata", "--format-version=1", &platform]);
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let carrier = packages.iter().find(|package| package["name"] == CARRIER);
    let manifest = carrier.unwrap()["manifest_path"].as_str().unwrap();
    PathBuf::from(manifest)
        .with_file_name("tests")
        .join("json_test_suite/test_parsing")
}

/// Name and content, in order.
fn files() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read(&path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn json_test_suite() {
    let schema = Schema::any();
    let mut counts = [0; 3];
    let mut table = String::new();
    for (name, text) in files() {
        let verdict = every_way(&schema, &text, SPLITS);
        match &name[..2] {
            "y_" => {
                counts[0] += 1;
                assert!(verdict.is_valid(), "{name}: {verdict:?}");
            }
            "n_" => {
                counts[1] += 1;
                assert!(!verdict.is_valid(), "{name} is accepted");
            }
            _ => {
                counts[2] += 1;
                table += &format!("{name}: {}\n", verdict.line());
            }
        }
    }
    assert_eq!(counts, [95, 188, 35]);
    assert_table("syntax_choices.txt", &table);
}
