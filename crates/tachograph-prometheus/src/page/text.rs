//! The lines of a series.

use tachograph_sdk::metrics::{Exemplar, NumberValue};

use crate::Format;
use crate::arithmetic::to_f64;
use crate::exemplar::{latest, write_text};
use crate::exponential::{Exponential, boundary};
use crate::family::{Family, Member};
use crate::merge::{HistogramView, Sample, Value};
use crate::naming::Naming;
use crate::number::{write_f64, write_number, write_seconds, write_u64};
use crate::registry::Registry;

/// As many digits as a `u64` has at most, and a line feed.
const NUMBER: usize = 21;

/// What the lines of a metric's series are written from, beside label text and values.
pub(super) struct Lines<'a> {
    family: &'a Family,
    member: &'a Member,
    naming: Naming,
    format: Format,
    /// Whether there are exemplars and, if asked for, times of creation: OpenMetrics has them of counters that
    /// have their type, and of histograms. No times without exemplars.
    has_exemplars: bool,
    has_created: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(family: &'a Family, member: &'a Member, registry: &Registry, format: Format) -> Self {
        let has_exemplars =
            format == Format::OpenMetrics100 && family.has_type() && !family.samples.created.is_empty();
        Lines {
            family,
            member,
            naming: registry.naming,
            format,
            has_exemplars,
            has_created: has_exemplars && registry.has_created_samples(),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, text: &[u8], sample: Sample<'_>) {
        match sample.value {
            Value::Number(value) => {
                self.write_number(out, text, value, sample.exemplars, sample.start_unix_nanos);
            }
            Value::Histogram(view) => {
                self.write_histogram(out, text, view, sample.exemplars);
                self.write_created(out, text, sample.start_unix_nanos);
            }
            Value::Exponential(view) => {
                self.write_exponential(out, text, view, sample.exemplars);
                self.write_created(out, text, sample.start_unix_nanos);
            }
        }
    }

    /// Appends the lines of a number; most series on most pages are one.
    #[inline(always)]
    pub(super) fn write_number(
        &self,
        out: &mut Vec<u8>,
        text: &[u8],
        value: NumberValue,
        exemplars: &[Exemplar],
        start_unix_nanos: u64,
    ) {
        out.extend_from_slice(&self.family.samples.main);
        out.extend_from_slice(text);
        write_number(out, value, self.format);
        if self.has_exemplars {
            return self.finish_number(out, text, exemplars, start_unix_nanos);
        }
        out.push(b'\n');
    }

    /// Appends what follows a number in OpenMetrics.
    #[inline(never)]
    fn finish_number(&self, out: &mut Vec<u8>, text: &[u8], exemplars: &[Exemplar], start_unix_nanos: u64) {
        self.write_exemplar(out, latest(exemplars));
        out.push(b'\n');
        if self.has_created {
            out.extend_from_slice(&self.family.samples.created);
            out.extend_from_slice(text);
            write_seconds(out, start_unix_nanos);
            out.push(b'\n');
        }
    }

    fn write_histogram(
        &self,
        out: &mut Vec<u8>,
        text: &[u8],
        view: HistogramView<'_>,
        exemplars: &[Exemplar],
    ) {
        let samples = &self.family.samples;
        let tails = self.member.buckets.tails(self.format);
        let head_start = out.len();
        let head_len = samples.main.len() + text.len();
        out.reserve((head_len + NUMBER) * (view.bucket_counts.len() + 2) + tails.len());
        out.extend_from_slice(&samples.main);
        out.extend_from_slice(text);
        let mut cumulative = 0_u64;
        for (bucket, (count, tail)) in view.bucket_counts.iter().zip(tails.iter()).enumerate() {
            if bucket > 0 {
                out.extend_from_within(head_start..head_start + head_len);
            }
            out.extend_from_slice(tail);
            cumulative = cumulative.wrapping_add(*count);
            write_u64(out, cumulative);
            if self.has_exemplars && !exemplars.is_empty() {
                let in_bucket = exemplars.iter().filter(|exemplar| exemplar.bucket() == Some(bucket));
                self.write_exemplar(out, latest(in_bucket));
            }
            out.push(b'\n');
        }
        let falls = view.has_negative || self.member.buckets.are_negative();
        self.write_sum_and_count(out, text, view.sum, cumulative, falls);
    }

    /// Appends an exponential histogram as one of classic buckets. Their bounds are zero and the powers of two from the
    /// smallest measurement to the largest, below zero the next number below each: finer buckets fit into these exactly,
    /// coarser ones are as they are. So a bound stays where it is as others come, and the counts are those that were
    /// recorded, each of exactly what is at most its bound.
    fn write_exponential(
        &self,
        out: &mut Vec<u8>,
        text: &[u8],
        view: Exponential<'_>,
        exemplars: &[Exemplar],
    ) {
        let scale = view.scale.min(0);
        let by = view.scale.abs_diff(scale);
        let mut cumulative = 0_u64;
        let mut below = f64::NEG_INFINITY;
        let mut write = |out: &mut Vec<u8>, bound: f64, cumulative: u64| {
            out.extend_from_slice(&self.family.samples.main);
            out.extend_from_slice(text);
            out.extend_from_slice(b"le=\"");
            write_f64(out, bound, self.format);
            out.extend_from_slice(b"\"} ");
            write_u64(out, cumulative);
            if self.has_exemplars && !exemplars.is_empty() {
                let in_bucket = exemplars.iter().filter(|exemplar| {
                    let value = to_f64(exemplar.value());
                    below < value && value <= bound
                });
                self.write_exemplar(out, latest(in_bucket));
            }
            out.push(b'\n');
            below = bound;
        };
        // From the furthest from zero to the nearest. What is in a bucket is further from zero than its lower end, so that the
        // bound, which is inclusive, is the next number below that: at the end itself begins the next bucket.
        if let Some((first, last)) = view.negative.range(by) {
            let mut rest = view.negative.downscaled_from_last(by).peekable();
            for index in (first..=last).rev() {
                let end = -boundary(index, scale);
                if let Some((_, count)) = rest.next_if(|(at, _)| *at == index) {
                    cumulative = cumulative.wrapping_add(count);
                }
                // What is too near to zero for a bound of its own is in the bucket of zero.
                if end < -view.zero_threshold {
                    write(out, end.next_down(), cumulative);
                }
            }
        }
        cumulative = cumulative.wrapping_add(view.zero_count);
        let mut last_written = view.zero_threshold;
        let mut rest = view.positive.downscaled(by).peekable();
        if let Some((first, last)) = view.positive.range(by) {
            // What is too near to zero for a bound of its own is in the bucket of zero.
            while let Some((_, count)) =
                rest.next_if(|(at, _)| boundary(at.saturating_add(1), scale) <= last_written)
            {
                cumulative = cumulative.wrapping_add(count);
            }
            write(out, view.zero_threshold, cumulative);
            let lowest = boundary(first, scale);
            if lowest > last_written && lowest.is_finite() {
                write(out, lowest, cumulative);
                last_written = lowest;
            }
            for index in first..=last {
                if let Some((_, count)) = rest.next_if(|(at, _)| *at == index) {
                    cumulative = cumulative.wrapping_add(count);
                }
                let bound = boundary(index.saturating_add(1), scale);
                if bound > last_written && bound.is_finite() {
                    write(out, bound, cumulative);
                    last_written = bound;
                }
            }
        } else {
            write(out, view.zero_threshold, cumulative);
        }
        write(out, f64::INFINITY, cumulative);
        self.write_sum_and_count(out, text, view.sum, cumulative, view.has_negative());
    }

    fn write_exemplar(&self, out: &mut Vec<u8>, exemplar: Option<&Exemplar>) {
        if let Some(exemplar) = exemplar {
            write_text(out, exemplar, self.naming);
        }
    }

    /// Appends a histogram's sum and count; `falls` says whether the sum may have gone down.
    fn write_sum_and_count(&self, out: &mut Vec<u8>, text: &[u8], sum: NumberValue, count: u64, falls: bool) {
        // OpenMetrics: a sum that may go down is no counter, and there is no count without it.
        if self.format == Format::OpenMetrics100 && falls {
            return;
        }
        let samples = &self.family.samples;
        for (name, value) in [(&samples.sum, sum), (&samples.count, NumberValue::U64(count))] {
            out.extend_from_slice(name);
            self.write_labels_without_bound(out, text);
            write_number(out, value, self.format);
            out.push(b'\n');
        }
    }

    fn write_created(&self, out: &mut Vec<u8>, text: &[u8], unix_nanos: u64) {
        if self.has_created {
            out.extend_from_slice(&self.family.samples.created);
            self.write_labels_without_bound(out, text);
            write_seconds(out, unix_nanos);
            out.push(b'\n');
        }
    }

    /// Appends the label text of a histogram, which awaits a bound, as it is where there is none.
    fn write_labels_without_bound(&self, out: &mut Vec<u8>, text: &[u8]) {
        match text {
            // Nothing but what stands before the bound.
            [b'{'] => out.push(b' '),
            [b','] => out.extend_from_slice(b"} "),
            [labels @ .., _] => {
                out.extend_from_slice(labels);
                out.extend_from_slice(b"} ");
            }
            [] => {}
        }
    }
}
