use std::fmt;

use super::show::{Plain, Set, debug_as_display};
use crate::attributes::AttributeSet;
use crate::metrics::{HistogramPoint, NumberValue, Point, PointValue};

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
}

/// A copy of a data point's value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueSnapshot {
    /// Of a sum or a gauge.
    Number(NumberValue),
    /// Of a histogram.
    Histogram(HistogramPoint),
}

impl PointSnapshot {
    pub(super) fn of(point: Point<'_>) -> Self {
        let value = match point.value {
            PointValue::U64(value) => ValueSnapshot::Number(NumberValue::U64(value)),
            PointValue::I64(value) => ValueSnapshot::Number(NumberValue::I64(value)),
            PointValue::F64(value) => ValueSnapshot::Number(NumberValue::F64(value)),
            PointValue::Histogram(histogram) => ValueSnapshot::Histogram(histogram.clone()),
        };
        PointSnapshot {
            series: point.series,
            attributes: point.attributes.clone(),
            start_unix_nanos: point.start_unix_nanos,
            value,
        }
    }
}

impl fmt::Display for PointSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Set(&self.attributes))?;
        match &self.value {
            ValueSnapshot::Number(value) => Plain(*value).fmt(f),
            ValueSnapshot::Histogram(histogram) => {
                write!(f, "count {}, sum {}", histogram.count(), Plain(histogram.sum()))?;
                if let (Some(min), Some(max)) = (histogram.min(), histogram.max()) {
                    write!(f, ", from {} to {}", Plain(min), Plain(max))?;
                }
                write!(f, ", buckets {:?}", histogram.bucket_counts())
            }
        }
    }
}

debug_as_display!(PointSnapshot);
