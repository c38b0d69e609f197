//! The offline demo model.
