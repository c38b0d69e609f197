//! Checks JSON from the standard input against a schema, byte by byte as it arrives.
//!
//! ```text
//! cargo run --release -p mainstem-structured --example check -- --schema S.json < document.json
//! cargo run --release -p mainstem-structured --example check -- --jsonl < cases.jsonl
//! ```
#![allow(clippy::print_stderr, reason = "faults of usage are told there")]

use std::{
    fs,
    io::{self, BufRead, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use mainstem_structured::{Schema, Violation};
use serde::Serialize;
use serde_json::Value;

/// Checks JSON against a schema while it is read, and prints the verdict as JSON.
///
/// Exits with 0 if the document is valid, with 1 if it isn't, with 2 if that could not be told.
#[derive(Parser)]
#[command(name = "check")]
struct Options {
    /// A file with the JSON schema; the document comes by the standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "jsonl")]
    schema: Option<PathBuf>,
    /// Read lines {"id", "schema", "text"} instead, and print a verdict for each.
    ///
    /// Exits with 1 if a line could not be read.
    #[arg(long, conflicts_with = "schema")]
    jsonl: bool,
    /// How many bytes are given to the checker at once; the verdict doesn't depend on it.
    #[arg(long, value_name = "BYTES", default_value = "4096",
          value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
    /// Assert `format`.
    #[arg(long)]
    formats: bool,
}

impl Options {
    fn chunk(&self) -> usize {
        self.chunk as usize
    }

    fn compile(&self, schema: Value) -> Result<Schema, String> {
        let schema = Schema::options()
            .check_formats(self.formats)
            .from_value(schema);
        schema.map_err(|error| error.to_string())
    }
}

#[derive(Serialize)]
struct Verdict {
    valid: bool,
    offset: Option<u64>,
    pointer: Option<String>,
    schema_pointer: Option<String>,
    message: Option<String>,
}

impl Verdict {
    fn new(violation: Option<&Violation>) -> Self {
        Self {
            valid: violation.is_none(),
            offset: violation.map(|violation| violation.offset),
            pointer: violation.map(|violation| violation.pointer.clone()),
            schema_pointer: violation.map(|violation| violation.schema_pointer.clone()),
            message: violation.map(Violation::to_string),
        }
    }
}

/// What is printed for a line.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Judged {
        id: Value,
        valid: bool,
        rejected_at: Option<u64>,
        pointer: Option<String>,
        error: Option<String>,
    },
    /// The schema can't be used; `jsonschema` refuses it, too.
    Unsupported { id: Value, unsupported: String },
    /// The line can't be used.
    Malformed { id: Value, error: String },
}

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.schema {
        Some(path) => check_document(&options, path),
        None => check_lines(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// True if it is valid.
fn check_document(options: &Options, path: &Path) -> Result<bool, String> {
    let shown = path.display();
    let text = fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let schema =
        serde_json::from_slice(&text).map_err(|error| format!("{shown} isn't JSON: {error}"))?;
    let schema = options
        .compile(schema)
        .map_err(|error| format!("{shown}: {error}"))?;
    let violation = judge(&schema, io::stdin().lock(), options.chunk())
        .map_err(|error| format!("cannot read the document: {error}"))?;
    print(&Verdict::new(violation.as_ref()))?;
    Ok(violation.is_none())
}

/// Reads no further than to the first impossible byte.
fn judge(schema: &Schema, mut text: impl Read, chunk: usize) -> io::Result<Option<Violation>> {
    let mut checker = schema.checker();
    let mut buffer = vec![0; chunk];
    loop {
        let count = match text.read(&mut buffer) {
            Ok(0) => return Ok(checker.finish().err()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let Err(violation) = checker.feed(&buffer[..count]) {
            return Ok(Some(violation));
        }
    }
}

/// True if all lines could be read.
fn check_lines(options: &Options) -> Result<bool, String> {
    let mut lines = io::stdin().lock();
    let mut line = Vec::new();
    let mut all = true;
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line);
        if read.map_err(|error| format!("cannot read the lines: {error}"))? == 0 {
            return Ok(all);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let answer = answer(options, &line);
        all &= !matches!(answer, Answer::Malformed { .. });
        print(&answer)?;
    }
}

fn answer(options: &Options, line: &[u8]) -> Answer {
    let mut line: Value = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => {
            let error = format!("not JSON: {error}");
            let id = Value::Null;
            return Answer::Malformed { id, error };
        }
    };
    let mut take = |name| line.get_mut(name).map(Value::take);
    let id = take("id").unwrap_or_default();
    let (Some(schema), Some(Value::String(text))) = (take("schema"), take("text")) else {
        let error = "expected an object with `id`, `schema` and `text`, a string".to_owned();
        return Answer::Malformed { id, error };
    };
    let schema = match options.compile(schema) {
        Ok(schema) => schema,
        Err(unsupported) => return Answer::Unsupported { id, unsupported },
    };
    match judge(&schema, text.as_bytes(), options.chunk()) {
        Ok(violation) => Answer::Judged {
            id,
            valid: violation.is_none(),
            rejected_at: violation.as_ref().map(|violation| violation.offset),
            pointer: violation
                .as_ref()
                .map(|violation| violation.pointer.clone()),
            error: violation.map(|violation| violation.to_string()),
        },
        Err(error) => Answer::Malformed {
            id,
            error: error.to_string(),
        },
    }
}

/// A line, at once.
fn print(what: &impl Serialize) -> Result<(), String> {
    let mut line = serde_json::to_vec(what).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(&line)
        .and_then(|()| stdout.flush())
        .map_err(|error| format!("cannot print: {error}"))
}
