//! The server side: one layer that accounts for every request a service receives.
//!
//! [`HttpServerLayer`] holds what is configured; [`HttpServer`] is the service it makes. At each
//! request the service starts an [`InFlight`](in_flight::InFlight), the one owner of all that is
//! known of the request, which travels with it: from the service into the
//! [`ResponseFuture`], and from there into the [`ResponseBody`]. Wherever it is dropped, the
//! request has ended, and is recorded. It also owns the request's span, and the context that is
//! current while the user's code runs: attached for each call and each poll, never in between.

mod body;
mod config;
mod future;
mod in_flight;
mod layer;
mod metrics;
mod request_body;
mod route;
mod series;
mod service;
mod spans;
mod trace;
mod traced;
mod unwind;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use layer::HttpServerLayer;
pub use metrics::{BODY_SIZE_BOUNDARIES, DURATION_BOUNDARIES};
pub use request_body::{RequestBody, count_request_body};
pub use route::RequestHead;
pub use service::HttpServer;
