//! What all APIs over HTTP have in common: the server and its key, one exchange, and the pieces of an
//! answer.

mod answer;
mod builder;
mod carried;
mod exchange;
mod failure;
mod loose;
mod request;
mod server;
mod usage;

pub(crate) use answer::{Answer, Reader};
pub use builder::ModelBuilder;
pub(crate) use builder::{Api, Protocol};
pub(crate) use carried::{carried, own};
pub(crate) use exchange::{Body, Exchange, exchange};
pub(crate) use loose::{LooseText, or_default, text_of};
pub(crate) use request::{Sound, data_url, unwritable};
pub(crate) use server::Server;
pub(crate) use usage::WireUsage;
