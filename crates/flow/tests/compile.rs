//! Flows that don't compile, and what the compiler says: each message names the mend.
//!
//! The texts are those of the toolchain that CI uses; `TRYBUILD=overwrite` writes them anew.

#[test]
fn what_does_not_compile_says_how_to_mend_it() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile/*.rs");
}
