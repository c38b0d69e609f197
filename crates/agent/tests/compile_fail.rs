//! What the compiler says to those who get an agent's parts wrong.

#[test]
fn a_name_in_the_place_of_a_model_is_answered_with_the_mend() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
