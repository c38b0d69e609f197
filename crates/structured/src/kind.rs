/// What a JSON value is, as its first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Null,
        Self::False,
        Self::True,
        Self::Number,
        Self::String,
        Self::Array,
        Self::Object,
    ];

    pub(crate) fn is_container(self) -> bool {
        matches!(self, Self::Array | Self::Object)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(0x7f);
    pub(crate) const BOOLEAN: Self = Self(0b110);

    pub(crate) const fn of(kind: Kind) -> Self {
        Self(1 << kind as u8)
    }

    pub(crate) const fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    pub(crate) const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// As a phrase: `a string or null`.
    pub(crate) fn phrase(self) -> String {
        let names = [
            (Self::of(Kind::Object), "an object"),
            (Self::of(Kind::Array), "an array"),
            (Self::of(Kind::String), "a string"),
            (Self::of(Kind::Number), "a number"),
            (Self::BOOLEAN, "a boolean"),
            (Self::of(Kind::True), "true"),
            (Self::of(Kind::False), "false"),
            (Self::of(Kind::Null), "null"),
        ];
        let mut left = self;
        let mut parts = Vec::new();
        for (kinds, name) in names {
            if left.and(kinds) == kinds {
                parts.push(name);
                left = Self(left.0 & !kinds.0);
            }
        }
        match parts.split_last() {
            None => "no value at all".to_owned(),
            Some((last, [])) => (*last).to_owned(),
            Some((last, before)) => format!("{} or {last}", before.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_as_a_phrase() {
        assert_eq!(Kinds::NONE.phrase(), "no value at all");
        assert_eq!(Kinds::BOOLEAN.phrase(), "a boolean");
        let kinds = Kinds::of(Kind::Null).or(Kinds::of(Kind::String));
        assert_eq!(kinds.phrase(), "a string or null");
        let kinds = kinds.or(Kinds::of(Kind::True));
        assert_eq!(kinds.phrase(), "a string, true or null");
    }
}
