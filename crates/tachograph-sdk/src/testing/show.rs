//! Snapshots as text: what a failed assertion prints.

use std::fmt;

use opentelemetry::Value;

use super::metric::{MetricSnapshot, PointSnapshot, ValueSnapshot};
use super::snapshot::MetricsSnapshot;
use crate::attributes::AttributeSet;
use crate::metrics::{MetricKind, NumberValue};

impl fmt::Display for MetricsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.metrics.is_empty() {
            return f.write_str("(no metrics)\n");
        }
        self.metrics.iter().try_for_each(|metric| write!(f, "{metric}"))
    }
}

impl fmt::Display for MetricSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind() {
            MetricKind::Sum { monotonic: true } => "monotonic sum",
            MetricKind::Sum { monotonic: false } => "sum",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        write!(f, "{kind} {:?} of scope {:?}", self.name(), self.scope().name())?;
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

/// Attributes as in `{channel="web", n=1}`.
pub(super) struct Set<'a>(pub(super) &'a AttributeSet);

impl fmt::Display for Set<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (key, value)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            match value {
                Value::String(text) => write!(f, "{comma}{key}={:?}", text.as_str())?,
                other => write!(f, "{comma}{key}={other}")?,
            }
        }
        f.write_str("}")
    }
}

/// A number without its kind; floats show that they are.
pub(super) struct Plain(pub(super) NumberValue);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NumberValue::U64(value) => value.fmt(f),
            NumberValue::I64(value) => value.fmt(f),
            NumberValue::F64(value) => write!(f, "{value:?}"),
        }
    }
}

macro_rules! debug_as_display {
    ($($type:ty)*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

debug_as_display!(MetricsSnapshot MetricSnapshot PointSnapshot);
