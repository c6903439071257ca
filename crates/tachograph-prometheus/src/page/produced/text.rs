//! The lines of a produced family.

use tachograph_sdk::metrics::{
    NumberValue, ProducedExemplar, ProducedHistogram, ProducedPoint, ProducedSummary, ProducedValue,
};

use super::buckets::{buckets, count};
use super::point::{Writer, for_each_exemplar_label};
use super::quantiles::quantiles;
use crate::Format;
use crate::claims::{CREATED, INFO};
use crate::escape::write_metric_name;
use crate::escaping::is_metric_name;
use crate::exemplar::write_text_labels;
use crate::family::write_comments;
use crate::labels::{LE, QUANTILE};
use crate::name::TOTAL;
use crate::naming::Naming;
use crate::number::{write_f64, write_i64, write_number, write_seconds, write_u64};
use crate::produced::{PageKind, ProducedFamily};

pub(super) struct Lines {
    format: Format,
    /// Waiting for the first sample: no samples, no comments either.
    comments: Vec<u8>,
    /// Whether OpenMetrics has exemplars of it.
    has_exemplars: bool,
    has_created: bool,
}

impl Lines {
    pub(super) fn new(family: &ProducedFamily, format: Format, has_type: bool, created: bool) -> Self {
        let open = format == Format::OpenMetrics100;
        let word = family.kind.word(format, has_type);
        let family_name = match word {
            "counter" if open => family.name.strip_suffix(TOTAL),
            "info" => family.name.strip_suffix(INFO),
            _ => None,
        };
        let unit = if word == "unknown" { "" } else { &*family.unit };
        let family_name = family_name.unwrap_or(&family.name);
        Lines {
            format,
            comments: write_comments(format, family_name, word, unit, &family.help),
            has_exemplars: open && matches!(word, "counter" | "histogram"),
            has_created: open && created && matches!(word, "counter" | "histogram" | "summary"),
        }
    }

    /// Begins a line: name, labels, one more label, and the space before the value.
    fn begin(&self, out: &mut Vec<u8>, name: &str, labels: &[u8], more: Option<(&str, f64)>) {
        let is_quoted = !is_metric_name(name);
        if is_quoted {
            out.push(b'{');
        }
        write_metric_name(out, name);
        let mut separator = if is_quoted { b',' } else { b'{' };
        let mut is_open = is_quoted;
        if !labels.is_empty() {
            out.push(separator);
            out.extend_from_slice(labels);
            (separator, is_open) = (b',', true);
        }
        if let Some((label, value)) = more {
            out.push(separator);
            out.extend_from_slice(label.as_bytes());
            out.extend_from_slice(b"=\"");
            write_f64(out, value, self.format);
            out.push(b'"');
            is_open = true;
        }
        out.extend_from_slice(if is_open { b"} " } else { b" " });
    }

    /// Ends a line: when it was measured, and an example.
    fn end_line(
        &self,
        out: &mut Vec<u8>,
        point: &ProducedPoint,
        exemplar: Option<(&ProducedExemplar, Naming)>,
    ) {
        if let Some(unix_nanos) = point.unix_nanos {
            out.push(b' ');
            match self.format {
                Format::OpenMetrics100 => write_seconds(out, unix_nanos),
                _ => write_i64(out, i64::try_from(unix_nanos / 1_000_000).unwrap_or(i64::MAX)),
            }
        }
        if let Some((exemplar, naming)) = exemplar
            && self.has_exemplars
        {
            write_text_labels(out, |visit| for_each_exemplar_label(exemplar, naming, visit));
            write_f64(out, exemplar.value, self.format);
            if let Some(unix_nanos) = exemplar.unix_nanos {
                out.push(b' ');
                write_seconds(out, unix_nanos);
            }
        }
        out.push(b'\n');
    }

    fn write_number_line(
        &self,
        out: &mut Vec<u8>,
        name: &str,
        labels: &[u8],
        value: NumberValue,
        point: &ProducedPoint,
    ) {
        self.begin(out, name, labels, None);
        write_number(out, value, self.format);
        self.end_line(out, point, None);
    }

    fn write_histogram(
        &self,
        out: &mut Vec<u8>,
        name: &str,
        labels: &[u8],
        histogram: &ProducedHistogram,
        point: &ProducedPoint,
        naming: Naming,
    ) {
        let buckets = buckets(histogram);
        let bucket_name = format!("{name}_bucket");
        for bucket in &buckets {
            self.begin(out, &bucket_name, labels, Some((LE, bucket.bound)));
            write_u64(out, bucket.cumulative);
            self.end_line(out, point, bucket.exemplar.map(|exemplar| (exemplar, naming)));
        }
        // OpenMetrics: with a negative bound the sum is no counter, and there is no count without a sum.
        let falls = buckets.first().is_some_and(|bucket| bucket.bound < 0.0);
        if self.format == Format::OpenMetrics100 && (falls || histogram.sum.is_none_or(|sum| sum < 0.0)) {
            return;
        }
        if let Some(sum) = histogram.sum {
            self.write_number_line(out, &format!("{name}_sum"), labels, NumberValue::F64(sum), point);
        }
        let count = NumberValue::U64(count(&buckets));
        self.write_number_line(out, &format!("{name}_count"), labels, count, point);
    }

    fn write_summary(
        &self,
        out: &mut Vec<u8>,
        name: &str,
        labels: &[u8],
        summary: &ProducedSummary,
        point: &ProducedPoint,
    ) {
        for (quantile, value) in quantiles(summary) {
            self.begin(out, name, labels, Some((QUANTILE, quantile)));
            write_f64(out, value, self.format);
            self.end_line(out, point, None);
        }
        self.write_number_line(out, &format!("{name}_sum"), labels, NumberValue::F64(summary.sum), point);
        self.write_number_line(out, &format!("{name}_count"), labels, NumberValue::U64(summary.count), point);
    }

    fn write_created(
        &self,
        out: &mut Vec<u8>,
        family: &ProducedFamily,
        labels: &[u8],
        point: &ProducedPoint,
    ) {
        let Some(unix_nanos) = point.start_unix_nanos.filter(|_| self.has_created) else { return };
        let base = family.name.strip_suffix(TOTAL).filter(|_| family.kind == PageKind::Counter);
        self.begin(out, &format!("{}{CREATED}", base.unwrap_or(&family.name)), labels, None);
        write_seconds(out, unix_nanos);
        out.push(b'\n');
    }
}

impl Writer for Lines {
    fn write(
        &mut self,
        out: &mut Vec<u8>,
        family: &ProducedFamily,
        point: &ProducedPoint,
        labels: &[u8],
        naming: Naming,
    ) -> bool {
        let fits = match (&point.value, family.kind) {
            (ProducedValue::Histogram(_), kind) => kind == PageKind::Histogram,
            (ProducedValue::Summary(_), kind) => kind == PageKind::Summary,
            (ProducedValue::Number { .. }, kind) => !matches!(kind, PageKind::Histogram | PageKind::Summary),
            _ => false,
        };
        if !fits {
            return false;
        }
        out.append(&mut self.comments);
        match &point.value {
            ProducedValue::Number { value, exemplar } => {
                self.begin(out, &family.name, labels, None);
                write_number(out, *value, self.format);
                self.end_line(out, point, exemplar.as_ref().map(|exemplar| (exemplar, naming)));
            }
            ProducedValue::Histogram(histogram) => {
                self.write_histogram(out, &family.name, labels, histogram, point, naming);
            }
            ProducedValue::Summary(summary) => {
                self.write_summary(out, &family.name, labels, summary, point);
            }
            // Said above.
            _ => {}
        }
        self.write_created(out, family, labels, point);
        true
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}
