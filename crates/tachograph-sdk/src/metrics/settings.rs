//! What a provider's builder said that all of its streams go by.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::exemplar::Sampling;
use super::view::View;
use crate::clock::Clock;

/// What holds for all streams of a provider.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) clock: Arc<dyn Clock>,
    /// The cardinality limit of instruments that have none of their own.
    pub(crate) limit: usize,
    pub(crate) views: Vec<View>,
    pub(crate) exemplars: Sampling,
    /// When somebody last began to collect, in nanoseconds since the Unix epoch; 0 before. What an instrument observes for the first
    /// time began after that.
    pub(crate) collected_unix_nanos: AtomicU64,
}
