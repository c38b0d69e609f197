//! The scripted server, seen from the other end of its sockets.

#[cfg(test)]
mod client;
#[cfg(feature = "cli")]
#[cfg(test)]
mod program;
#[cfg(feature = "record")]
#[cfg(test)]
mod recording;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod server;
#[cfg(test)]
mod strict;
#[cfg(test)]
mod wire;
