//! What clients see of a run, by wire.
#![allow(clippy::unwrap_used, clippy::panic)]

mod wires {
    mod canonical;
    #[cfg(feature = "compression")]
    mod compression;
    mod framing;
    mod golden;
    mod hidden;
    pub(crate) mod log;
    mod pace;
    mod page;
    mod socket;
    mod splits;
}
