//! What a provider says of all its streams, and a view of its own.

use std::time::Duration;

use super::exemplar::ReservoirKind;

/// What becomes of measurements whose attribute set exceeds a stream's cardinality limit.
///
/// Either way none is lost, memory is bounded, and the sums of all series add up to what was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CardinalityOverflow {
    /// They are added up in one series with the attribute `otel.metric.overflow=true`, as the specification has it.
    #[default]
    OneSeries,
    /// The attribute that has the most different values is given the value `other`, and they are recorded under what its set is then: so
    /// what all other attributes say stays right.
    ///
    /// Which attribute that is, is decided when the stream first meets its limit, from the last 1,000 sets, and stays so for the life
    /// of the stream; a report names it. A set that has no such attribute is recorded as it is. Those sets have places of their
    /// own beyond the limit, as many as the limit has; what exceeds those too is added up as with [`OneSeries`](Self::OneSeries).
    /// As soon as series under the limit go, their places are for new sets as they are.
    FoldAttribute,
}

/// What holds for a stream, beside what it aggregates and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) overflow: CardinalityOverflow,
    /// After how long without a measurement a series goes, in nanoseconds.
    pub(crate) idle_expiry_nanos: Option<u64>,
    /// What suits the aggregation, unless set.
    pub(crate) reservoir: Option<ReservoirKind>,
}

/// A duration as [`Options`] have it.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
