//! What clients see of a run, by wire.
#![allow(clippy::unwrap_used, clippy::panic)]

mod wires {
    #[cfg(feature = "compression")]
    mod compression;
    pub(crate) mod log;
    mod pace;
    mod socket;
}
