//! What somebody may do.

use mainstem_core::{RunState, Text};

/// Whoever sends a request, as the application knows them.
///
/// A principal may start runs, and read, answer and cancel those that it started. What it may do
/// besides is said by [`Right`]s.
///
/// ```
/// use mainstem_serve::{Principal, Right};
///
/// let ada = Principal::new("ada").allow(Right::List);
/// assert!(ada.may(Right::List) && !ada.may(Right::Metrics));
/// assert_eq!(ada.name(), Some("ada"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    name: Option<Text>,
    rights: Vec<Right>,
}

impl Principal {
    /// Somebody by name; the runs that they start are [theirs](mainstem_core::RunState::owner).
    ///
    /// Two principals of one name are the same one.
    pub fn new(name: impl Into<Text>) -> Self {
        Self {
            name: Some(name.into()),
            rights: Vec::new(),
        }
    }

    /// Adds a right.
    #[must_use]
    pub fn allow(mut self, right: Right) -> Self {
        self.rights.push(right);
        self
    }

    /// The name; none, where the server asks nobody who they are.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether it has a right.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right) || self.rights.contains(&right.wider())
    }

    /// Whether a run is theirs, or they may see all.
    pub(crate) fn may_see(&self, owner: Option<&str>) -> bool {
        owner == self.name() || self.may(Right::Operate)
    }

    /// Whether a run belongs in their list.
    pub(crate) fn lists(&self, run: &RunState) -> bool {
        self.may_see(run.owner.as_deref())
    }

    pub(crate) fn with_all(mut self, rights: &[Right]) -> Self {
        self.rights.extend(rights);
        self
    }
}

/// Something that not everybody may do.
///
/// Nobody has any of these, unless [`Server::allow`](crate::Server::allow) gives it to all or
/// [`Principal::allow`] to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Right {
    /// To list the runs that they started.
    List,
    /// To list, read, answer and cancel everybody's runs.
    Operate,
    /// To read the metrics.
    Metrics,
}

impl Right {
    /// The right that brings this one.
    fn wider(self) -> Self {
        match self {
            Self::List | Self::Operate => Self::Operate,
            Self::Metrics => Self::Metrics,
        }
    }

    /// How a refusal says by which option of the program it is given, if there is one.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::List => ", or `--open-lists` of the program,",
            Self::Metrics => ", or `--open-metrics` of the program,",
            Self::Operate => "",
        }
    }

    /// What it is called in a refusal.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Operate => "Operate",
            Self::Metrics => "Metrics",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_seen_by_their_owner_and_by_operators() {
        let ada = Principal::new("ada");
        assert!(ada.may_see(Some("ada")));
        assert!(!ada.may_see(Some("bob")) && !ada.may_see(None));
        let nobody = Principal::default();
        assert!(nobody.may_see(None) && !nobody.may_see(Some("ada")));
        let root = Principal::new("root").allow(Right::Operate);
        assert!(root.may_see(Some("ada")) && root.may_see(None) && root.may(Right::List));
        assert!(!ada.may(Right::List) && !root.may(Right::Metrics));
    }
}
