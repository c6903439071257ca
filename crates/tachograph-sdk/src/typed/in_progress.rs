//! Counting what is going on: a guard that is one more for as long as it is there.

use std::fmt;

use super::attributes::Dynamic;
use super::instruments::{BoundUpDownCounter, UpDownCounter, UpDownCounterNumber};
use crate::attributes::Attributes;

/// One more in an up-down counter, until it is dropped.
///
/// So what has ended is counted no longer however it ended: by `?`, by a panic, or because the future it was in was
/// dropped. It keeps its series alive, so that one that was removed or has expired meanwhile does not go below zero, and
/// borrows nothing: it may move to a task or live in a struct.
///
/// ```
/// use tachograph_sdk::{MeterProvider, UpDownCounter, testing::MetricsSnapshot};
///
/// let provider = MeterProvider::default();
/// let active: UpDownCounter<i64> = provider.meter("shop").up_down_counter("order.active").build();
/// let order = active.in_progress(&[("channel", "web")]);
/// MetricsSnapshot::of(&provider).metric("order.active").assert_total(1);
/// drop(order);
/// MetricsSnapshot::of(&provider).metric("order.active").assert_total(0);
/// ```
///
/// It costs what [`bind`](UpDownCounter::bind) costs, and two records; with a bound counter it costs the two records and a clone of
/// the handle.
#[must_use = "what is dropped at once is in progress no longer"]
pub struct InProgress<N: UpDownCounterNumber> {
    series: BoundUpDownCounter<N>,
}

impl<N: UpDownCounterNumber> InProgress<N> {
    fn begin(series: BoundUpDownCounter<N>) -> Self {
        series.add(N::ONE);
        InProgress { series }
    }
}

impl<N: UpDownCounterNumber> Drop for InProgress<N> {
    fn drop(&mut self) {
        self.series.add(N::MINUS_ONE);
    }
}

impl<N: UpDownCounterNumber> fmt::Debug for InProgress<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InProgress").field(&self.series).finish()
    }
}

impl<N: UpDownCounterNumber> UpDownCounter<N, Dynamic> {
    /// One more with these attributes, until the guard is dropped.
    pub fn in_progress<A: Attributes + ?Sized>(&self, attributes: &A) -> InProgress<N> {
        InProgress::begin(self.bind(attributes))
    }
}

impl<N: UpDownCounterNumber, A: Attributes> UpDownCounter<N, A> {
    /// One more with these attributes, until the guard is dropped.
    pub fn in_progress(&self, attributes: &A) -> InProgress<N> {
        InProgress::begin(self.bind(attributes))
    }
}

impl<N: UpDownCounterNumber> BoundUpDownCounter<N> {
    /// One more in this series, until the guard is dropped.
    pub fn in_progress(&self) -> InProgress<N> {
        InProgress::begin(self.clone())
    }
}
