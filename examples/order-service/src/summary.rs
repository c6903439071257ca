//! What was recorded, for the terminal: the same that a scrape reads, read in the program.

use std::fmt::Write;

use tachograph::MeterProvider;
use tachograph::metrics::{Metric, MetricKind, PointValue};

/// One line for each metric.
pub(crate) fn of(provider: &MeterProvider) -> String {
    let collection = provider.reader().collect();
    let mut text = String::from("recorded:\n");
    for metric in collection.metrics() {
        let _ = writeln!(text, "  {:<32} {}", metric.name(), line(&metric));
    }
    text
}

fn line(metric: &Metric<'_>) -> String {
    let (mut series, mut total, mut values) = (0_u64, 0.0, 0);
    metric.for_each(|point| {
        series += 1;
        match point.value {
            PointValue::U64(value) => total += value as f64,
            PointValue::I64(value) => total += value as f64,
            PointValue::F64(value) => total += value,
            PointValue::Histogram(histogram) => {
                values += histogram.count();
                total += histogram.sum().as_f64();
            }
            PointValue::ExponentialHistogram(histogram) => {
                values += histogram.count();
                total += histogram.sum().as_f64();
            }
            _ => {}
        }
    });
    let total = (total * 1000.0).round() / 1000.0;
    let unit = metric.unit();
    match metric.kind() {
        MetricKind::Histogram | MetricKind::ExponentialHistogram => {
            format!("{values} values, together {total} {unit}, in {series} series")
        }
        _ => format!("{total} {unit} in {series} series"),
    }
}
