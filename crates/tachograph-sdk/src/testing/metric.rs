use std::fmt;

use opentelemetry::InstrumentationScope;

use super::point::{PointSnapshot, ValueSnapshot};
use super::show::{Plain, Set, debug_as_display};
use crate::attributes::{AttributeSet, Attributes};
use crate::metrics::{
    ExponentialHistogramPoint, HistogramPoint, Metric, MetricKind, NumberValue, Temporality,
};

/// A copy of one metric and its data points.
#[derive(Clone, PartialEq)]
pub struct MetricSnapshot {
    name: String,
    unit: String,
    description: String,
    scope: InstrumentationScope,
    kind: MetricKind,
    temporality: Temporality,
    boundaries: Vec<f64>,
    points: Vec<PointSnapshot>,
}

impl MetricSnapshot {
    /// Copies a metric of a collection.
    pub fn of(metric: &Metric<'_>) -> Self {
        let mut points = Vec::new();
        metric.for_each(|point| points.push(PointSnapshot::of(point)));
        MetricSnapshot {
            name: metric.name().to_owned(),
            unit: metric.unit().to_owned(),
            description: metric.description().to_owned(),
            scope: metric.scope().clone(),
            kind: metric.kind(),
            temporality: metric.temporality(),
            boundaries: metric.boundaries().to_vec(),
            points,
        }
    }

    /// The instrument's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instrument's unit; empty when it has none.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The instrument's description; empty when it has none.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The scope of the meter that made the instrument.
    pub fn scope(&self) -> &InstrumentationScope {
        &self.scope
    }

    /// What it is.
    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// Since when its points add up.
    pub fn temporality(&self) -> Temporality {
        self.temporality
    }

    /// A histogram's boundaries; else nothing.
    pub fn boundaries(&self) -> &[f64] {
        &self.boundaries
    }

    /// The data points, in the order in which their series appeared.
    pub fn points(&self) -> &[PointSnapshot] {
        &self.points
    }

    /// The data point of exactly these attributes, in whatever order they are given.
    pub fn find<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<&PointSnapshot> {
        self.points.iter().find(|point| point.attributes.is_meant_by(attributes))
    }

    /// The data point of exactly these attributes.
    ///
    /// # Panics
    ///
    /// If there is none; the message lists those that there are. So do the methods below.
    #[track_caller]
    pub fn point<A: Attributes + ?Sized>(&self, attributes: &A) -> &PointSnapshot {
        match self.find(attributes) {
            Some(point) => point,
            None => panic!("there is no series {} in:\n{self}", Set(&AttributeSet::new(attributes))),
        }
    }

    /// The value of a sum's or a gauge's series. It can be compared with `u64`, `i64` and `f64`.
    ///
    /// # Panics
    ///
    /// If there is no such series, or it is a histogram's.
    #[track_caller]
    pub fn value<A: Attributes + ?Sized>(&self, attributes: &A) -> NumberValue {
        match &self.point(attributes).value {
            ValueSnapshot::Number(value) => *value,
            _ => panic!("a histogram has no single value:\n{self}"),
        }
    }

    /// The data point of a series of a histogram with explicit boundaries.
    ///
    /// # Panics
    ///
    /// If there is no such series, or it is no such histogram's.
    #[track_caller]
    pub fn histogram<A: Attributes + ?Sized>(&self, attributes: &A) -> &HistogramPoint {
        match &self.point(attributes).value {
            ValueSnapshot::Histogram(histogram) => histogram,
            _ => panic!("this is no histogram with explicit boundaries:\n{self}"),
        }
    }

    /// The data point of a series of an exponential histogram.
    ///
    /// # Panics
    ///
    /// If there is no such series, or it is no such histogram's.
    #[track_caller]
    pub fn exponential_histogram<A: Attributes + ?Sized>(
        &self,
        attributes: &A,
    ) -> &ExponentialHistogramPoint {
        match &self.point(attributes).value {
            ValueSnapshot::ExponentialHistogram(histogram) => histogram,
            _ => panic!("this is no exponential histogram:\n{self}"),
        }
    }

    /// The sum of all series' values; of a histogram, that of their sums. Integers wrap.
    pub fn total(&self) -> NumberValue {
        let mut values = self.points.iter().map(|point| match &point.value {
            ValueSnapshot::Number(value) => *value,
            ValueSnapshot::Histogram(histogram) => histogram.sum(),
            ValueSnapshot::ExponentialHistogram(histogram) => histogram.sum(),
        });
        let first = values.next().unwrap_or(NumberValue::U64(0));
        values.fold(first, |total, value| match (total, value) {
            (NumberValue::U64(a), NumberValue::U64(b)) => NumberValue::U64(a.wrapping_add(b)),
            (NumberValue::I64(a), NumberValue::I64(b)) => NumberValue::I64(a.wrapping_add(b)),
            (a, b) => NumberValue::F64(a.as_f64() + b.as_f64()),
        })
    }

    /// How many measurements the series of a histogram have, all together; 0 for other metrics.
    pub fn count(&self) -> u64 {
        self.points
            .iter()
            .map(|point| match &point.value {
                ValueSnapshot::Number(_) => 0,
                ValueSnapshot::Histogram(histogram) => histogram.count(),
                ValueSnapshot::ExponentialHistogram(histogram) => histogram.count(),
            })
            .fold(0, u64::wrapping_add)
    }

    /// Asserts the value of a sum's or a gauge's series.
    ///
    /// # Panics
    ///
    /// If the series is missing or its value is another; the message lists all series.
    #[track_caller]
    pub fn assert_value<A: Attributes + ?Sized, V>(&self, attributes: &A, expected: V)
    where
        NumberValue: PartialEq<V>,
        V: fmt::Debug,
    {
        let value = self.value(attributes);
        let set = AttributeSet::new(attributes);
        let (set, shown) = (Set(&set), Plain(value));
        assert!(value == expected, "{set} is {shown} and should be {expected:?}, in:\n{self}");
    }

    /// Asserts [`total`](Self::total).
    ///
    /// # Panics
    ///
    /// If it is another; the message lists all series.
    #[track_caller]
    pub fn assert_total<V>(&self, expected: V)
    where
        NumberValue: PartialEq<V>,
        V: fmt::Debug,
    {
        let total = self.total();
        let shown = Plain(total);
        assert!(total == expected, "the total is {shown} and should be {expected:?}, of:\n{self}");
    }

    /// Asserts how many series have a data point.
    ///
    /// # Panics
    ///
    /// If there are more or fewer; the message lists them.
    #[track_caller]
    pub fn assert_series(&self, expected: usize) {
        let series = self.points.len();
        assert!(series == expected, "there are {series} series and should be {expected}:\n{self}");
    }

    /// Asserts how many measurements the series of a histogram have, and their sum.
    ///
    /// # Panics
    ///
    /// If the series is missing or these are others; the message lists all series.
    #[track_caller]
    pub fn assert_histogram<A: Attributes + ?Sized, V>(&self, attributes: &A, count: u64, sum: V)
    where
        NumberValue: PartialEq<V>,
        V: fmt::Debug,
    {
        let (counted, summed) = match &self.point(attributes).value {
            ValueSnapshot::Histogram(histogram) => (histogram.count(), histogram.sum()),
            ValueSnapshot::ExponentialHistogram(histogram) => (histogram.count(), histogram.sum()),
            ValueSnapshot::Number(_) => panic!("this is no histogram:\n{self}"),
        };
        let set = AttributeSet::new(attributes);
        assert!(
            counted == count && summed == sum,
            "{} should have {count} measurements, {sum:?} in all, in:\n{self}",
            Set(&set)
        );
    }
}

impl fmt::Display for MetricSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind() {
            MetricKind::Sum { monotonic: true } => "monotonic sum",
            MetricKind::Sum { monotonic: false } => "sum",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
            MetricKind::ExponentialHistogram => "exponential histogram",
        };
        let temporality = match self.temporality() {
            Temporality::Cumulative => "",
            Temporality::Delta => "delta of a ",
        };
        write!(f, "{temporality}{kind} {:?} of scope {:?}", self.name(), self.scope().name())?;
        if !self.unit().is_empty() {
            write!(f, ", unit {:?}", self.unit())?;
        }
        match self.points() {
            [] => f.write_str(": no series\n"),
            points => {
                f.write_str(":\n")?;
                points.iter().try_for_each(|point| writeln!(f, "    {point}"))
            }
        }
    }
}

debug_as_display!(MetricSnapshot);
