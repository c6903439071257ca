//! Durations, recorded in the histogram's unit: those that one has, and those that a guard takes.

use std::fmt;
use std::time::{Duration, Instant};

use super::attributes::Dynamic;
use super::instruments::{BoundHistogram, Histogram, HistogramNumber};
use super::time_unit::TimeUnit;
use crate::attributes::Attributes;

/// Records in a histogram how long it was there, when it is dropped.
///
/// So it records however the work ends: by `?`, by a panic, or because the future it is in was dropped. Begin
/// with the attributes of a failure, and say by [`attributes_mut`](Self::attributes_mut) or
/// [`stop_with`](Self::stop_with) what it really became:
///
/// ```
/// use tachograph_sdk::{Histogram, MeterProvider, testing::MetricsSnapshot};
///
/// fn pay(durations: &Histogram<f64>, cents: &str) -> Result<u64, std::num::ParseIntError> {
///     let timer = durations.start_timer([("outcome", "failed")]);
///     let cents = cents.parse()?;
///     timer.stop_with([("outcome", "paid")]);
///     Ok(cents)
/// }
///
/// let provider = MeterProvider::default();
/// let durations = provider.meter("shop").histogram("payment.duration").with_unit("s").build();
/// assert!(pay(&durations, "995").is_ok());
/// assert!(pay(&durations, "nothing").is_err());
/// let snapshot = MetricsSnapshot::of(&provider);
/// assert_eq!(snapshot.metric("payment.duration").histogram(&[("outcome", "failed")]).count(), 1);
/// ```
///
/// Time is that of [`Instant`], which no change of the system's clock bends, and is recorded in the histogram's unit,
/// as by [`Histogram::record_duration`]. A timer costs two readings of that clock and a record.
#[must_use = "a timer that is dropped at once records no time"]
pub struct Timer<'a, N: HistogramNumber, A: Attributes = ()> {
    began: Instant,
    attributes: A,
    /// `None` once it has recorded, or is not to.
    target: Option<Target<'a, N, A>>,
}

enum Target<'a, N, A> {
    Typed(&'a Histogram<N, A>),
    Dynamic(&'a Histogram<N, Dynamic>),
    Series(&'a BoundHistogram<N>),
}

impl<'a, N: HistogramNumber, A: Attributes> Timer<'a, N, A> {
    fn start(target: Target<'a, N, A>, attributes: A) -> Self {
        Timer { began: Instant::now(), attributes, target: Some(target) }
    }

    /// How long it has been there.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What it will record with.
    pub fn attributes_mut(&mut self) -> &mut A {
        &mut self.attributes
    }

    /// Records now, and says what.
    pub fn stop(mut self) -> Duration {
        self.record()
    }

    /// Records now with these attributes, and says what.
    pub fn stop_with(mut self, attributes: A) -> Duration {
        self.attributes = attributes;
        self.record()
    }

    /// Records nothing, and says what it would have been.
    pub fn discard(mut self) -> Duration {
        self.target = None;
        self.elapsed()
    }

    fn record(&mut self) -> Duration {
        let elapsed = self.elapsed();
        match self.target.take() {
            Some(Target::Typed(histogram)) => histogram.record_duration(elapsed, &self.attributes),
            Some(Target::Dynamic(histogram)) => histogram.record_duration(elapsed, &self.attributes),
            Some(Target::Series(series)) => series.record_duration(elapsed),
            None => {}
        }
        elapsed
    }
}

impl<N: HistogramNumber, A: Attributes> Drop for Timer<'_, N, A> {
    fn drop(&mut self) {
        self.record();
    }
}

impl<N: HistogramNumber, A: Attributes> fmt::Debug for Timer<'_, N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("began", &self.began).finish_non_exhaustive()
    }
}

impl<N: HistogramNumber> Histogram<N, Dynamic> {
    /// Adds a duration, in the unit that the histogram was declared with: `s`, `ms`, `us`, `ns`, `min`, `h` or `d`, and in
    /// seconds where it has no unit. In whole ones, to the nearest, where numbers are `u64`.
    ///
    /// A histogram of another unit takes it in seconds, too, which is reported.
    #[inline]
    pub fn record_duration<A: Attributes + ?Sized>(&self, duration: Duration, attributes: &A) {
        self.record(N::of_duration(duration, TimeUnit::of_instrument(self.handle.descriptor())), attributes);
    }

    /// Times something: records when the guard is dropped, with these attributes unless it is told others.
    pub fn start_timer<A: Attributes>(&self, attributes: A) -> Timer<'_, N, A> {
        Timer::start(Target::Dynamic(self), attributes)
    }
}

impl<N: HistogramNumber, A: Attributes> Histogram<N, A> {
    /// Adds a duration, in the unit that the histogram was declared with: `s`, `ms`, `us`, `ns`, `min`, `h` or `d`, and in
    /// seconds where it has no unit. In whole ones, to the nearest, where numbers are `u64`.
    ///
    /// A histogram of another unit takes it in seconds, too, which is reported.
    #[inline]
    pub fn record_duration(&self, duration: Duration, attributes: &A) {
        self.record(N::of_duration(duration, TimeUnit::of_instrument(self.handle.descriptor())), attributes);
    }

    /// Times something: records when the guard is dropped, with these attributes unless it is told others.
    pub fn start_timer(&self, attributes: A) -> Timer<'_, N, A> {
        Timer::start(Target::Typed(self), attributes)
    }
}

impl<N: HistogramNumber> BoundHistogram<N> {
    /// Adds a duration, in the unit that the histogram was declared with; see [`Histogram::record_duration`].
    #[inline]
    pub fn record_duration(&self, duration: Duration) {
        self.record(N::of_duration(duration, TimeUnit::of_instrument(self.bound.descriptor())));
    }

    /// Times something: records when the guard is dropped.
    pub fn start_timer(&self) -> Timer<'_, N> {
        Timer::start(Target::Series(self), ())
    }
}
