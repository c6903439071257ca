use std::fmt;

use super::show::{Plain, Set, debug_as_display};
use crate::attributes::AttributeSet;
use crate::metrics::{Exemplar, ExponentialHistogramPoint, HistogramPoint, NumberValue, Point, PointValue};

/// A copy of one data point.
#[derive(Clone, PartialEq)]
pub struct PointSnapshot {
    /// The series' number, as [`Point::series`].
    pub series: usize,
    /// The series' attributes.
    pub attributes: AttributeSet,
    /// When the series began, in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// What was recorded.
    pub value: ValueSnapshot,
    /// Some of the measurements, as [`Point::exemplars`].
    pub exemplars: Vec<Exemplar>,
}

/// A copy of a data point's value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueSnapshot {
    /// Of a sum or a gauge.
    Number(NumberValue),
    /// Of a histogram with explicit boundaries.
    Histogram(HistogramPoint),
    /// Of a base-2 exponential histogram.
    ExponentialHistogram(ExponentialHistogramPoint),
}

impl PointSnapshot {
    pub(super) fn of(point: Point<'_>) -> Self {
        let value = match point.value {
            PointValue::U64(value) => ValueSnapshot::Number(NumberValue::U64(value)),
            PointValue::I64(value) => ValueSnapshot::Number(NumberValue::I64(value)),
            PointValue::F64(value) => ValueSnapshot::Number(NumberValue::F64(value)),
            PointValue::Histogram(histogram) => ValueSnapshot::Histogram(histogram.clone()),
            PointValue::ExponentialHistogram(histogram) => {
                ValueSnapshot::ExponentialHistogram(histogram.clone())
            }
        };
        PointSnapshot {
            series: point.series,
            attributes: point.attributes.clone(),
            start_unix_nanos: point.start_unix_nanos,
            value,
            exemplars: point.exemplars().to_vec(),
        }
    }
}

impl fmt::Display for PointSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Set(&self.attributes))?;
        match &self.value {
            ValueSnapshot::Number(value) => Plain(*value).fmt(f),
            ValueSnapshot::Histogram(histogram) => {
                let summary = (histogram.count(), histogram.sum(), histogram.min(), histogram.max());
                show_summary(summary, f)?;
                write!(f, ", buckets {:?}", histogram.bucket_counts())
            }
            ValueSnapshot::ExponentialHistogram(histogram) => {
                let summary = (histogram.count(), histogram.sum(), histogram.min(), histogram.max());
                show_summary(summary, f)?;
                write!(f, ", scale {}", histogram.scale())?;
                let (negative, positive) = (histogram.negative(), histogram.positive());
                if !negative.counts().is_empty() {
                    write!(f, ", below zero {:?} from {}", negative.counts(), negative.offset())?;
                }
                if histogram.zero_count() > 0 {
                    write!(f, ", zero {}", histogram.zero_count())?;
                }
                if !positive.counts().is_empty() {
                    write!(f, ", above zero {:?} from {}", positive.counts(), positive.offset())?;
                }
                Ok(())
            }
        }
    }
}

/// A histogram's count, sum, minimum and maximum.
type Summary = (u64, NumberValue, Option<NumberValue>, Option<NumberValue>);

fn show_summary((count, sum, min, max): Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "count {count}, sum {}", Plain(sum))?;
    match (min, max) {
        (Some(min), Some(max)) => write!(f, ", from {} to {}", Plain(min), Plain(max)),
        _ => Ok(()),
    }
}

debug_as_display!(PointSnapshot);
