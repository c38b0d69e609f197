//! The program `mainstem-testkit`.

fn main() {}
