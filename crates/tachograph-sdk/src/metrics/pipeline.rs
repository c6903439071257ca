//! What the readers of one configuration see.

use super::resolve::Defaults;
use crate::sync::AppendVec;

/// The streams that readers with the same defaults see, by their numbers in the provider, in the order in which they came.
///
/// A stream that is equal for several pipelines is one stream, and is in all of them: so recording does not grow with readers.
pub(crate) struct Pipeline {
    pub(crate) defaults: Defaults,
    pub(crate) streams: AppendVec<u32>,
}

impl Pipeline {
    pub(crate) fn new(defaults: Defaults) -> Self {
        Pipeline { defaults, streams: AppendVec::new() }
    }
}
