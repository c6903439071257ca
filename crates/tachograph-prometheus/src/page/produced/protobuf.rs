//! The message of a produced family.

use tachograph_sdk::metrics::{NumberValue, ProducedExemplar, ProducedPoint, ProducedValue};

use super::buckets::{buckets, count};
use super::point::{Writer, for_each_exemplar_label};
use super::quantiles::quantiles;
use crate::arithmetic::to_f64;
use crate::labels::write_pair;
use crate::naming::Naming;
use crate::produced::{PageKind, ProducedFamily};
use crate::timestamp::write_timestamp;
use crate::wire::{Delimited, write_bytes, write_double, write_message, write_uint};

/// Fields of `MetricFamily` and `Metric`.
const METRIC: u32 = 4;
const GAUGE: u32 = 2;
const COUNTER: u32 = 3;
const SUMMARY: u32 = 4;
const UNTYPED: u32 = 5;
const TIMESTAMP_MS: u32 = 6;
const HISTOGRAM: u32 = 7;

pub(super) struct Messages {
    /// The fields before the series, until the first of them.
    head: Vec<u8>,
    message: Option<Delimited>,
}

impl Messages {
    pub(super) fn new(family: &ProducedFamily) -> Self {
        let mut head = Vec::new();
        write_bytes(&mut head, 1, family.name.as_bytes());
        if !family.help.is_empty() {
            write_bytes(&mut head, 2, family.help.as_bytes());
        }
        write_uint(&mut head, 3, family.kind.number());
        if !family.unit.is_empty() {
            write_bytes(&mut head, 5, family.unit.as_bytes());
        }
        Messages { head, message: None }
    }
}

impl Writer for Messages {
    fn write(
        &mut self,
        out: &mut Vec<u8>,
        family: &ProducedFamily,
        point: &ProducedPoint,
        labels: &[u8],
        naming: Naming,
    ) -> bool {
        let mut value = Vec::new();
        match (&point.value, family.kind) {
            (ProducedValue::Number { value: number, exemplar }, kind) => {
                let field = match kind {
                    PageKind::Counter => COUNTER,
                    PageKind::Gauge | PageKind::Info => GAUGE,
                    PageKind::Unknown => UNTYPED,
                    PageKind::Histogram | PageKind::Summary => return false,
                };
                write_message(&mut value, field, |out| {
                    write_value(out, *number);
                    if field == COUNTER {
                        if let Some(exemplar) = exemplar {
                            write_exemplar(out, 2, exemplar, naming);
                        }
                        write_created(out, 3, point);
                    }
                });
            }
            (ProducedValue::Histogram(histogram), PageKind::Histogram) => {
                let buckets = buckets(histogram);
                write_message(&mut value, HISTOGRAM, |out| {
                    write_uint(out, 1, count(&buckets));
                    write_double(out, 2, histogram.sum.unwrap_or(f64::NAN));
                    for bucket in &buckets {
                        write_message(out, 3, |out| {
                            write_uint(out, 1, bucket.cumulative);
                            write_double(out, 2, bucket.bound);
                            if let Some(exemplar) = bucket.exemplar {
                                write_exemplar(out, 3, exemplar, naming);
                            }
                        });
                    }
                    write_created(out, 15, point);
                });
            }
            (ProducedValue::Summary(summary), PageKind::Summary) => {
                write_message(&mut value, SUMMARY, |out| {
                    write_uint(out, 1, summary.count);
                    write_double(out, 2, summary.sum);
                    for (quantile, value) in quantiles(summary) {
                        write_message(out, 3, |out| {
                            write_double(out, 1, quantile);
                            write_double(out, 2, value);
                        });
                    }
                    write_created(out, 4, point);
                });
            }
            _ => return false,
        }
        if self.message.is_none() {
            self.message = Some(Delimited::begin(out, 0));
            out.append(&mut self.head);
        }
        write_message(out, METRIC, |out| {
            out.extend_from_slice(labels);
            out.extend_from_slice(&value);
            if let Some(unix_nanos) = point.unix_nanos {
                write_uint(out, TIMESTAMP_MS, unix_nanos / 1_000_000);
            }
        });
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(message) = self.message.take() {
            message.end(out);
        }
    }
}

fn write_value(out: &mut Vec<u8>, value: NumberValue) {
    write_double(out, 1, to_f64(value));
}

fn write_created(out: &mut Vec<u8>, field: u32, point: &ProducedPoint) {
    if let Some(unix_nanos) = point.start_unix_nanos {
        write_timestamp(out, field, unix_nanos);
    }
}

fn write_exemplar(out: &mut Vec<u8>, field: u32, exemplar: &ProducedExemplar, naming: Naming) {
    write_message(out, field, |out| {
        for_each_exemplar_label(exemplar, naming, &mut |name, value| {
            write_pair(out, name.as_bytes(), value.as_bytes());
        });
        write_double(out, 2, exemplar.value);
        if let Some(unix_nanos) = exemplar.unix_nanos {
            write_timestamp(out, 3, unix_nanos);
        }
    });
}
