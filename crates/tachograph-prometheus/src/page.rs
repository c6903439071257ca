//! The encoder: a collection and what is known of it become one page, in one buffer.
//!
//! Families follow the order in which their first metrics were made, each with its samples together.
//! Every line is a copy of text that was formatted when the series was learned, and a number.

use std::ops::ControlFlow;

use tachograph_sdk::metrics::{Collection, Metric, Point};

use crate::Format;
use crate::family::{Family, Member};
use crate::merge::{HistogramView, Total, Value};
use crate::number::{write_number, write_u64};
use crate::registry::{Placement, Registry};
use crate::texts::SeriesText;

/// What to do with a series that the registry does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Break: it has to be learned first.
    Break,
    /// Leave it out: it came after the registry learned all there was, that is, after the scrape began.
    Skip,
}

/// Appends the samples of a collection; breaks on a series that is not known, if that is asked for.
pub(crate) fn write_metrics(
    out: &mut Vec<u8>,
    registry: &Registry,
    collection: &Collection,
    format: Format,
    unknown: Unknown,
) -> ControlFlow<()> {
    for metric in collection.metrics() {
        match registry.placement(&metric) {
            // A family is written where the first of its metrics is that had a series.
            Some(Placement::Member(number, 0)) => {
                if let Some(family) = registry.family(number) {
                    FamilyPage { number, family, format, unknown }
                        .write(out, registry, collection, metric)?;
                }
            }
            Some(Placement::Member(..) | Placement::Idle(_) | Placement::Dropped) => {}
            None if unknown == Unknown::Break => return ControlFlow::Break(()),
            None => {}
        }
    }
    ControlFlow::Continue(())
}

/// A family on its way to the page.
struct FamilyPage<'a> {
    number: u32,
    family: &'a Family,
    format: Format,
    unknown: Unknown,
}

impl FamilyPage<'_> {
    fn write(
        &self,
        out: &mut Vec<u8>,
        registry: &Registry,
        collection: &Collection,
        first: Metric<'_>,
    ) -> ControlFlow<()> {
        let start = out.len();
        out.extend_from_slice(self.family.comments(self.format));
        let samples_start = out.len();
        if let ([member], 0) = (&*self.family.members, self.family.identities.group_count()) {
            self.write_member(out, member, first)?;
        } else {
            // Metrics of one name are made close to each other as a rule, so that this search is short.
            let range = self.family.metrics();
            let members = || {
                let metrics = collection.metrics().take(range.end).skip(range.start);
                metrics.filter_map(|metric| match registry.placement(&metric) {
                    Some(Placement::Member(number, member)) if number == self.number => {
                        Some((metric, member as usize))
                    }
                    _ => None,
                })
            };
            if self.family.identities.group_count() == 0 {
                for (metric, member) in members() {
                    self.write_member(out, &self.family.members[member], metric)?;
                }
            } else {
                self.write_merged(out, members)?;
            }
        }
        if out.len() == samples_start {
            // No samples, no comments either.
            out.truncate(start);
        }
        ControlFlow::Continue(())
    }

    /// Appends the series of one metric, none of which is to be added up.
    fn write_member(&self, out: &mut Vec<u8>, member: &Member, metric: Metric<'_>) -> ControlFlow<()> {
        metric.try_for_each(|point| {
            if let Some(text) = self.text(member, &point)?
                && let Some(value) = Value::of(point.value)
            {
                self.write_series(out, member, text, value);
            }
            ControlFlow::Continue(())
        })
    }

    /// Appends the series of a family some of which are to be added up: reads those first, then writes
    /// each sum where its first series is.
    fn write_merged<'m, I>(&self, out: &mut Vec<u8>, members: impl Fn() -> I) -> ControlFlow<()>
    where
        I: Iterator<Item = (Metric<'m>, usize)>,
    {
        let identities = &self.family.identities;
        let mut totals: Vec<Option<Total>> = vec![None; identities.group_count()];
        for (metric, member) in members() {
            metric.for_each(|point| {
                if let (Some(group), Some(value)) =
                    (identities.group_of((member as u32, point.series)), Value::of(point.value))
                {
                    match &mut totals[group] {
                        Some(total) => total.add(value),
                        empty => *empty = Some(Total::new(value)),
                    }
                }
            });
        }
        for (metric, number) in members() {
            let member = &self.family.members[number];
            metric.try_for_each(|point| {
                let Some(text) = self.text(member, &point)? else {
                    return ControlFlow::Continue(());
                };
                match identities.group_of((number as u32, point.series)) {
                    Some(group) => {
                        if let Some(total) = totals[group].take() {
                            self.write_series(out, member, text, total.value());
                        }
                    }
                    None => {
                        if let Some(value) = Value::of(point.value) {
                            self.write_series(out, member, text, value);
                        }
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn text<'t>(&self, member: &'t Member, point: &Point<'_>) -> ControlFlow<(), Option<&'t [u8]>> {
        match member.texts.get(point.series) {
            SeriesText::Text(text) => ControlFlow::Continue(Some(text)),
            SeriesText::Unknown if self.unknown == Unknown::Break => ControlFlow::Break(()),
            SeriesText::Unknown | SeriesText::Dropped => ControlFlow::Continue(None),
        }
    }

    #[inline]
    fn write_series(&self, out: &mut Vec<u8>, member: &Member, text: &[u8], value: Value<'_>) {
        match value {
            Value::Number(value) => {
                out.extend_from_slice(&self.family.samples.main);
                out.extend_from_slice(text);
                write_number(out, value, self.format);
                out.push(b'\n');
            }
            Value::Histogram(view) => self.write_histogram(out, member, text, view),
        }
    }

    fn write_histogram(&self, out: &mut Vec<u8>, member: &Member, text: &[u8], view: HistogramView<'_>) {
        /// As many digits as a `u64` has at most, and a line feed.
        const NUMBER: usize = 21;
        let samples = &self.family.samples;
        let tails = member.buckets.tails(self.format);
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
            out.push(b'\n');
        }
        // OpenMetrics: a sum that may go down is no counter, and there is no count without it.
        let has_sum = self.format == Format::Text004 || !(view.has_negative || member.buckets.are_negative());
        if has_sum {
            for (name, value) in [
                (&samples.sum, view.sum),
                (&samples.count, tachograph_sdk::metrics::NumberValue::U64(cumulative)),
            ] {
                out.extend_from_slice(name);
                match text.split_last() {
                    Some((b',', labels)) => {
                        out.extend_from_slice(labels);
                        out.extend_from_slice(b"} ");
                    }
                    _ => out.push(b' '),
                }
                write_number(out, value, self.format);
                out.push(b'\n');
            }
        }
    }
}
