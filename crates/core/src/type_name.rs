//! Names of types as a person writes them.

/// `Vec<String>` of `alloc::vec::Vec<alloc::string::String>`.
pub(crate) fn short_type(full: &str) -> String {
    let is_of_a_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut short = String::with_capacity(full.len());
    let mut rest = full;
    while let Some(c) = rest.chars().next() {
        let end = match is_of_a_path(c) {
            true => rest.find(|c| !is_of_a_path(c)).unwrap_or(rest.len()),
            false => c.len_utf8(),
        };
        let (path, after) = rest.split_at(end);
        short.push_str(path.rsplit("::").next().unwrap_or(path));
        rest = after;
    }
    short
}

/// Two types, told apart: by their short names, or by all of their paths where these are the same.
pub(crate) fn told_apart(one: &str, other: &str) -> (String, String) {
    let (short, other_short) = (short_type(one), short_type(other));
    match short == other_short {
        true => (one.to_owned(), other.to_owned()),
        false => (short, other_short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_called_by_its_last_name() {
        for (full, short) in [
            ("u32", "u32"),
            ("alloc::string::String", "String"),
            (
                "(alloc::vec::Vec<a::B>, core::option::Option<&str>)",
                "(Vec<B>, Option<&str>)",
            ),
        ] {
            assert_eq!(short_type(full), short);
        }
        let both = told_apart("a::Trip", "b::Trip");
        assert_eq!(both, ("a::Trip".to_owned(), "b::Trip".to_owned()));
    }
}
