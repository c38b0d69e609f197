use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, Unexpected},
};

use crate::{Error, ErrorKind};

/// The number of an event in its run: strictly increasing, gaps allowed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// The number of a writer of a run's log: each that opens the log takes the next one.
///
/// A store refuses what an earlier epoch appends, so that a writer that was thought dead can't
/// spoil the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of a new run.
    pub const FIRST: Self = Self(1);
}

impl Default for Epoch {
    fn default() -> Self {
        Self::FIRST
    }
}

/// A place in a run's stream: what a reader gives to go on from there.
///
/// Written `epoch-seq`. Since `seq` increases over all epochs, places are ordered by it.
///
/// ```
/// use mainstem_core::Place;
///
/// let place: Place = "1-42".parse()?;
/// assert!(place < "2-43".parse()?);
/// assert_eq!(place.to_string(), "1-42");
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Who wrote the event.
    pub epoch: Epoch,
    /// Its number.
    pub seq: Seq,
}

impl Place {
    /// The place of an epoch's event.
    pub const fn new(epoch: Epoch, seq: Seq) -> Self {
        Self { epoch, seq }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.seq, self.epoch).cmp(&(other.seq, other.epoch))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = text
            .split_once('-')
            .and_then(|(epoch, seq)| Some((epoch.parse().ok()?, seq.parse().ok()?)))
            .map(|(epoch, seq)| Self::new(Epoch(epoch), Seq(seq)));
        match parsed {
            // A place is written in one way: `+1-042` isn't it.
            Some(place) if place.to_string() == text => Ok(place),
            _ => Err(Error::new(
                ErrorKind::Value,
                "a place is written `epoch-seq`, as in `1-42`",
            )),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "a place, written `epoch-seq`, as in `1-42`";
        let wrong = |_| D::Error::invalid_value(Unexpected::Other("another text"), &expected);
        text.parse().map_err(wrong)
    }
}
