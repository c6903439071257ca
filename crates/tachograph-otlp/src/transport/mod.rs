//! HTTP/1.1 to one receiver: connection, time-outs, retries, and the runtime that all of it runs on.

mod client;
mod connect;
mod connection;
mod ending;
mod failure;
mod response;
mod runtime;
#[cfg(feature = "tls")]
mod tls;

pub(crate) use client::Client;
pub(crate) use connection::Answer;
pub(crate) use failure::{Failure, Kind};
pub(crate) use response::short;
#[cfg(any(test, fuzzing))]
pub(crate) use response::{MAX_BYTES, MESSAGE, message, unpack};
pub(crate) use runtime::{Broken, OwnRuntime};
