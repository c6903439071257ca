//! What a reader remembers of what it gave, and what it gives next.

use super::point::{ExponentialHistogramPoint, HistogramPoint, PointValue};
use crate::number::NumberValue;

/// What a reader gave so far of each of its metrics whose temporality is delta.
///
/// Cells only grow, so what was recorded between two collections is the difference of what they read. A reader remembers what it
/// *gave*, not what it saw: for floating-point numbers these differ by the rounding of the difference, and so does not add up.
/// Windows have no cells of their own: a record costs the same whoever reads, and any number of readers have windows of any
/// length. What cannot be had from the difference, the smallest and the largest measurement of a window, is given where it can
/// be known: see [`known`].
#[derive(Default)]
pub(super) struct Memory {
    metrics: Vec<Given>,
    /// How many collections have taken their deltas.
    pub(super) collections: u64,
    /// The window of exemplars that the next collection begins with.
    pub(super) window: u64,
}

/// What was given of one metric, by series.
#[derive(Default)]
struct Given {
    /// When it was read last.
    unix_nanos: Option<u64>,
    /// When each series began: of one that begins anew nothing was given.
    starts: Vec<u64>,
    numbers: Vec<NumberValue>,
    histograms: Vec<HistogramPoint>,
    exponential: Vec<ExponentialHistogramPoint>,
}

/// What a collection has of metrics whose temporality is delta, by their ids.
#[derive(Default)]
pub(super) struct Deltas {
    metrics: Vec<Delta>,
}

/// The points of one metric since the collection before.
#[derive(Default)]
pub(super) struct Delta {
    /// Whether the collection has this; others are left from another one.
    is_there: bool,
    pub(super) start_unix_nanos: u64,
    /// The numbers of the series that have a point; ascending.
    series: Vec<u32>,
    numbers: Vec<NumberValue>,
    /// As many as there are series, or more: those beyond are memory for others.
    histograms: Vec<HistogramPoint>,
    exponential: Vec<ExponentialHistogramPoint>,
}

/// What is to be known of a metric to take its delta.
#[derive(Clone, Copy)]
pub(super) struct Taking {
    pub(super) id: usize,
    /// When its stream was made.
    pub(super) created_unix_nanos: u64,
    /// When the collection is made.
    pub(super) now_unix_nanos: u64,
    /// Whether the values were observed: then each one counts as new.
    pub(super) is_observed: bool,
    /// Whether it is a sum that does not go down: if an observed one did, it began anew.
    pub(super) is_monotonic: bool,
}

impl Memory {
    /// Takes what is new of a metric: `visit` shows its points, which are cumulative, each with its series' number and start.
    pub(super) fn take(
        &mut self,
        taking: Taking,
        deltas: &mut Deltas,
        visit: impl FnOnce(&mut dyn FnMut(usize, u64, PointValue<'_>)),
    ) {
        let Taking { id, created_unix_nanos, now_unix_nanos, .. } = taking;
        if self.metrics.len() <= id {
            self.metrics.resize_with(id + 1, Given::default);
        }
        let given = &mut self.metrics[id];
        let delta = deltas.make(id);
        delta.is_there = true;
        // A clock that was set back makes no interval that ends before it begins.
        delta.start_unix_nanos = given.unix_nanos.unwrap_or(created_unix_nanos).min(now_unix_nanos);
        given.unix_nanos = Some(now_unix_nanos);
        delta.series.clear();
        delta.numbers.clear();
        visit(&mut |series, start, value| given.take(taking, delta, series, start, value));
    }
}

impl Given {
    fn take(&mut self, taking: Taking, delta: &mut Delta, series: usize, start: u64, value: PointValue<'_>) {
        let begins = *place(&mut self.starts, series) != start;
        self.starts[series] = start;
        // Where the point goes if there is one.
        let at = delta.series.len();
        let is_new = match value {
            PointValue::U64(now) => self.take_number(taking, delta, series, begins, NumberValue::U64(now)),
            PointValue::I64(now) => self.take_number(taking, delta, series, begins, NumberValue::I64(now)),
            PointValue::F64(now) => self.take_number(taking, delta, series, begins, NumberValue::F64(now)),
            PointValue::Histogram(now) => {
                let given = place(&mut self.histograms, series);
                if begins || now.count < given.count {
                    *given = HistogramPoint::default();
                }
                now.count != given.count && {
                    let point = place(&mut delta.histograms, at);
                    given.bucket_counts.resize(now.bucket_counts.len(), 0);
                    let counts = now.bucket_counts.iter().zip(&given.bucket_counts);
                    point.bucket_counts.clear();
                    point.bucket_counts.extend(counts.map(|(now, given)| now.wrapping_sub(*given)));
                    point.count = now.count.wrapping_sub(given.count);
                    point.sum = difference(now.sum, &mut given.sum);
                    point.min = known(now.min, given.min, is_below);
                    point.max = known(now.max, given.max, |now, given| is_below(given, now));
                    point.has_negative = now.has_negative;
                    given.bucket_counts.clone_from(&now.bucket_counts);
                    (given.count, given.min, given.max) = (now.count, now.min, now.max);
                    true
                }
            }
            PointValue::ExponentialHistogram(now) => {
                let given = place(&mut self.exponential, series);
                if begins || now.count < given.count {
                    *given = ExponentialHistogramPoint::default();
                }
                now.count != given.count && {
                    let point = place(&mut delta.exponential, at);
                    point.distribution.copy_from(&now.distribution);
                    point.distribution.subtract(&mut given.distribution);
                    point.count = now.count.wrapping_sub(given.count);
                    point.sum = difference(now.sum, &mut given.sum);
                    point.min = known(now.min, given.min, is_below);
                    point.max = known(now.max, given.max, |now, given| is_below(given, now));
                    given.distribution.copy_from(&now.distribution);
                    (given.count, given.min, given.max) = (now.count, now.min, now.max);
                    true
                }
            }
        };
        if is_new {
            // Series are numbered within 32 bits.
            delta.series.push(series as u32);
        }
    }

    fn take_number(
        &mut self,
        taking: Taking,
        delta: &mut Delta,
        series: usize,
        begins: bool,
        now: NumberValue,
    ) -> bool {
        let given = place(&mut self.numbers, series);
        if begins || taking.is_observed && taking.is_monotonic && has_gone_down(now, *given) {
            *given = NumberValue::default();
        }
        // What was given of a sum of floats may have been rounded up: then there is nothing to give, and nothing to take back. One
        // of integers that is below what was given has wrapped, and so does the difference.
        let is_rounded = taking.is_monotonic && matches!(now, NumberValue::F64(_)) && is_below(now, *given);
        let number = if is_rounded { NumberValue::F64(0.0) } else { difference(now, given) };
        let is_new = taking.is_observed || !is_zero(number);
        if is_new {
            delta.numbers.push(number);
        }
        is_new
    }
}

/// The element of a number, made if need be.
fn place<T: Default + Clone>(all: &mut Vec<T>, number: usize) -> &mut T {
    if all.len() <= number {
        all.resize(number + 1, T::default());
    }
    &mut all[number]
}

/// What is to be given now, so that all that was given adds up to `now`.
fn difference(now: NumberValue, given: &mut NumberValue) -> NumberValue {
    match now {
        NumberValue::U64(now) => {
            let before = if let NumberValue::U64(before) = *given { before } else { 0 };
            *given = NumberValue::U64(now);
            NumberValue::U64(now.wrapping_sub(before))
        }
        NumberValue::I64(now) => {
            let before = if let NumberValue::I64(before) = *given { before } else { 0 };
            *given = NumberValue::I64(now);
            NumberValue::I64(now.wrapping_sub(before))
        }
        NumberValue::F64(now) => {
            let before = if let NumberValue::F64(before) = *given { before } else { 0.0 };
            // Sums may have become infinite: then there is nothing more to give.
            let difference = if now == before { 0.0 } else { now - before };
            *given = NumberValue::F64(before + difference);
            NumberValue::F64(difference)
        }
    }
}

fn is_zero(number: NumberValue) -> bool {
    match number {
        NumberValue::U64(number) => number == 0,
        NumberValue::I64(number) => number == 0,
        NumberValue::F64(number) => number == 0.0,
    }
}

fn is_below(a: NumberValue, b: NumberValue) -> bool {
    match (a, b) {
        (NumberValue::U64(a), NumberValue::U64(b)) => a < b,
        (NumberValue::I64(a), NumberValue::I64(b)) => a < b,
        (NumberValue::F64(a), NumberValue::F64(b)) => a < b,
        _ => false,
    }
}

/// Whether a number is below what was given by more than rounding.
fn has_gone_down(now: NumberValue, given: NumberValue) -> bool {
    match (now, given) {
        (NumberValue::F64(now), NumberValue::F64(given)) => given - now > given * 4.0 * f64::EPSILON,
        _ => is_below(now, given),
    }
}

/// An extreme of the measurements since the last collection, if it is known: where there was none before, or where it goes
/// beyond all that was before, and so was measured since.
fn known(
    now: Option<NumberValue>,
    given: Option<NumberValue>,
    goes_beyond: impl Fn(NumberValue, NumberValue) -> bool,
) -> Option<NumberValue> {
    now.filter(|now| given.is_none_or(|given| goes_beyond(*now, given)))
}

impl Deltas {
    pub(super) fn clear(&mut self) {
        self.metrics.iter_mut().for_each(|delta| delta.is_there = false);
    }

    pub(super) fn of(&self, id: usize) -> Option<&Delta> {
        self.metrics.get(id).filter(|delta| delta.is_there)
    }

    /// Leaves a metric without points: those to come are in the next collection.
    pub(super) fn leave_out(&mut self, id: usize) {
        let delta = self.make(id);
        delta.is_there = true;
        delta.series.clear();
    }

    fn make(&mut self, id: usize) -> &mut Delta {
        if self.metrics.len() <= id {
            self.metrics.resize_with(id + 1, Delta::default);
        }
        &mut self.metrics[id]
    }
}

impl Delta {
    /// The points from a series' number on.
    pub(super) fn points(&self, first: usize) -> impl Iterator<Item = (usize, PointValue<'_>)> {
        let from = self.series.partition_point(|series| (*series as usize) < first);
        self.series.iter().enumerate().skip(from).filter_map(move |(at, series)| {
            let value = match self.numbers.get(at) {
                Some(NumberValue::U64(value)) => PointValue::U64(*value),
                Some(NumberValue::I64(value)) => PointValue::I64(*value),
                Some(NumberValue::F64(value)) => PointValue::F64(*value),
                None => match self.histograms.get(at) {
                    Some(point) => PointValue::Histogram(point),
                    None => PointValue::ExponentialHistogram(self.exponential.get(at)?),
                },
            };
            Some((*series as usize, value))
        })
    }
}
