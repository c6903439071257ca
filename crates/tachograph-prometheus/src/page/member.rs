//! The series of one metric on their way to the page.

use std::ops::ControlFlow;

use tachograph_sdk::metrics::{Metric, Numbers, Point};

use super::Source;
use super::progress::Progress;
use super::protobuf::{self, Message};
use super::text::Lines;
use crate::Format;
use crate::family::{Family, Member};
use crate::merge::{Sample, number_of};
use crate::report::Report;
use crate::texts::SeriesText;

/// Writes the series of a metric, one after the other.
pub(super) struct MemberWriter<'a> {
    family: &'a Family,
    member: &'a Member,
    /// The member's place in the family.
    number: u32,
    metric: Metric<'a>,
    format: Format,
    limit: usize,
    lines: Lines<'a>,
    messages: Message<'a>,
    /// Whether some of the family's series are added up.
    has_groups: bool,
    progress: &'a mut Progress,
    reports: &'a mut Vec<Report>,
}

impl<'a> MemberWriter<'a> {
    pub(super) fn new(
        source: Source<'a>,
        family: &'a Family,
        (number, member): (u32, &'a Member),
        metric: Metric<'a>,
        progress: &'a mut Progress,
        reports: &'a mut Vec<Report>,
    ) -> Self {
        let Source { registry, format, limit, .. } = source;
        MemberWriter {
            family,
            member,
            number,
            metric,
            format,
            limit,
            lines: Lines::new(family, member, registry, format),
            messages: Message { family, member, naming: registry.naming },
            has_groups: family.identities.group_count() > 0,
            progress,
            reports,
        }
    }

    /// Appends the series from a number on; breaks when the piece is full, with the number of the next one.
    pub(super) fn write(mut self, out: &mut Vec<u8>, first: usize) -> ControlFlow<usize> {
        let metric = self.metric;
        if !self.has_groups
            && let Some(numbers) = metric.numbers_from(first)
        {
            return self.write_numbers(out, numbers);
        }
        metric.try_for_each_from(first, |point| {
            if let SeriesText::Text(text) = self.member.texts.get(point.series) {
                self.write_sample(out, text, &point);
            }
            self.end_series(out, point.series)
        })
    }

    /// Appends series that are numbers and stand for themselves: most series of most pages are.
    fn write_numbers(self, out: &mut Vec<u8>, mut numbers: Numbers<'_>) -> ControlFlow<usize> {
        while numbers.advance() {
            for point in numbers.points() {
                let (SeriesText::Text(text), Some(number)) =
                    (self.member.texts.get(point.series), number_of(&point))
                else {
                    continue;
                };
                self.progress.begin(out, self.family, self.format);
                match self.format {
                    Format::Protobuf => Message::write_kept(out, text, number),
                    _ => self.lines.write_number(out, text, number, &[], point.start_unix_nanos),
                }
                self.end_series(out, point.series)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Breaks after a series if the piece is full, with the number of the next.
    #[inline(always)]
    fn end_series(&self, out: &[u8], series: usize) -> ControlFlow<usize> {
        if out.len() >= self.limit { ControlFlow::Break(series + 1) } else { ControlFlow::Continue(()) }
    }

    /// Appends a series of any kind; nothing if it has no place on this page.
    fn write_sample(&mut self, out: &mut Vec<u8>, text: &[u8], point: &Point<'_>) {
        let Some(mut sample) = Sample::of(point) else { return };
        let total;
        if self.has_groups
            && let Some(group) = self.family.identities.group_of((self.number, point.series))
        {
            match self.progress.totals.as_mut().and_then(|totals| totals.get_mut(group.number)) {
                Some(slot) => {
                    total = slot.take();
                    match &total {
                        Some(total) => sample = total.sample(),
                        None => return,
                    }
                }
                // Since the family began a second series was found to have the labels of this one, which
                // is alone on this page.
                None if group.is_first => {}
                None => return,
            }
        }
        if self.format != Format::Protobuf {
            self.progress.begin(out, self.family, self.format);
            self.lines.write(out, text, sample);
        } else if protobuf::has_place(&sample) {
            self.progress.begin(out, self.family, self.format);
            self.messages.write(out, text, point.start_unix_nanos, sample);
        } else if !self.progress.has_reported {
            self.progress.has_reported = true;
            self.reports.push(too_coarse(&self.metric));
        }
    }
}

fn too_coarse(metric: &Metric<'_>) -> Report {
    let (name, scope) = (metric.name(), metric.scope().name());
    Report {
        kind: "prometheus.schema",
        subject: name.to_owned(),
        message: format!(
            "a series of metric {name:?} of scope {scope:?} is left out in protobuf: its scale is below -4, the \
             coarsest that native histograms have; give it more buckets, or measurements that lie closer together"
        ),
    }
}
