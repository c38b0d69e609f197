use super::*;

fn lines(rule: Rule, text: &str) -> Vec<usize> {
    rule(&Masked::new(text))
        .iter()
        .map(|finding| finding.line)
        .collect()
}

#[test]
fn a_file_is_measured_without_its_tests() {
    let code = "const A: u8 = 1;\n".repeat(FILE_LINES);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
    assert!(lines(long_file, &format!("{code}{tests}")).is_empty());
    let found = long_file(&Masked::new(&format!("{code}\n{tests}")));
    assert_eq!(
        found[0].message,
        "601 lines without tests, 600 allowed: split by idea"
    );
}

#[test]
fn a_function_is_measured_with_its_head() {
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    assert!(lines(long_functions, &function(FUNCTION_LINES)).is_empty());
    let long = function(FUNCTION_LINES + 1);
    assert_eq!(lines(long_functions, &format!("\n{long}")), [2]);
    assert!(lines(long_functions, &format!("#[test]\n{long}")).is_empty());
}

#[test]
fn spawning_needs_a_reason() {
    let bare = "fn f() {\n    // to be quick\n    tokio::spawn(g());\n}\n";
    assert_eq!(lines(unexplained, bare), [3]);
    let above = "fn f() {\n    // spawn: it outlives the caller,\n    // who has gone.\n    \
                 tokio::spawn(g());\n}\n";
    assert!(lines(unexplained, above).is_empty());
    let beside = "fn f() {\n    tokio::spawn(g()); // spawn: why\n    task::spawn(h());\n}\n";
    assert_eq!(lines(unexplained, beside), [3]);
    assert!(lines(unexplained, "/// tokio::spawn(g())\nfn spawn() {}\n").is_empty());
    assert!(
        lines(
            unexplained,
            "#[test]\nfn f() {\n    tokio::spawn(g());\n}\n"
        )
        .is_empty()
    );
}

#[test]
fn a_queue_needs_an_end_or_a_reason() {
    let text = "use mpsc::unbounded_channel;\nfn f() {\n    unbounded_channel::<u8>();\n    \
                // unbounded: one per turn\n    mpsc::unbounded();\n}\n";
    assert_eq!(lines(unexplained, text), [3]);
}

#[test]
fn leftovers_are_found_in_code_and_comments() {
    let text = "fn f() {\n    todo!(\"later\")\n}\n// FIXME: this\n#[ignore = \"slow\"]\n/* XXX */\n\
                const S: &str = \"FIXME todo!( #[ignore\";\nstruct XXXL;\n";
    let mut found = lines(leftovers, text);
    found.sort_unstable();
    assert_eq!(found, [2, 4, 5, 6]);
}

#[test]
fn machine_paths_are_told_from_other_paths() {
    // In two halves, or this file would break the rule itself.
    let of = |before: &str, after: &str| {
        let text = format!("x\nsee {before}/{after}/y\n");
        machine_paths(&text)
            .iter()
            .map(|finding| finding.line)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("", "work"), [2]);
    assert_eq!(of("\"", "home"), [2]);
    assert_eq!(of("file://", "root"), [2]);
    assert!(of("target", "work").is_empty());
    assert!(of("~", "work").is_empty());
    assert!(of("", "workspace").is_empty());
}

#[test]
fn anyhow_stays_inside() {
    let text = "pub fn a() -> anyhow::Result<()> {\n}\nfn b() -> anyhow::Result<()> {\n}\n\
                pub(crate) fn c() -> anyhow::Result<()> {\n}\npub fn d() {\n    anyhow::bail();\n}\n\
                pub struct E {\n    source: anyhow::Error,\n}\npub mod f {\n    \
                fn g() -> anyhow::Result<()> {}\n}\npub async fn h(\n    e: anyhow::Error,\n) {}\n";
    assert_eq!(lines(public_anyhow, text), [1, 11, 17]);
}
