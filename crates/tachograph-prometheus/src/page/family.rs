//! A family on its way to the page.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use tachograph_sdk::metrics::Metric;

use super::protobuf::Message;
use super::text::Lines;
use super::{Source, protobuf};
use crate::Format;
use crate::family::Family;
use crate::merge::{Sample, Total, number_of};
use crate::registry::{Placement, Registry};
use crate::report::Report;
use crate::texts::SeriesText;
use crate::wire::Delimited;

/// How much of a family has been written.
pub(super) struct FamilyCursor {
    number: u32,
    /// The metric, and its series, where it goes on.
    metric: usize,
    series: usize,
    /// Whether the comments are there. They wait for the first sample: no samples, no comments either.
    has_comments: bool,
    /// The sums of series that are added up, by their numbers; each is taken where its first series is. Read when
    /// the family begins.
    totals: Option<Vec<Option<Total>>>,
    has_reported: bool,
}

impl FamilyCursor {
    /// At the first of a family's metrics.
    pub(super) fn new(number: u32, family: &Family) -> Self {
        FamilyCursor {
            number,
            metric: family.metrics().start,
            series: 0,
            has_comments: false,
            totals: None,
            has_reported: false,
        }
    }

    /// Appends the family, or the rest of it; breaks when the piece is full.
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        source: Source<'_>,
        reports: &mut Vec<Report>,
    ) -> ControlFlow<()> {
        let Some(family) = source.registry.family(self.number) else {
            return ControlFlow::Continue(());
        };
        // Metrics of one name are made close to each other as a rule, so that this search is short.
        let end = family.metrics().end;
        // Once: what is found to have equal labels later may be on the page already.
        if self.totals.is_none() {
            self.totals = Some(totals(family, self.number, source, self.metric..end));
        }
        // A message that has been begun is ended with the piece; the next piece begins another.
        let mut message = None;
        let mut flow = ControlFlow::Continue(());
        while self.metric < end {
            if let Some(metric) = source.collection.metric(self.metric)
                && let Some(member) = member_of(self.number, source.registry, &metric)
            {
                flow = self.write_member(out, source, family, member, metric, &mut message, reports);
                if flow.is_break() {
                    break;
                }
            }
            (self.metric, self.series) = (self.metric + 1, 0);
        }
        if let Some(message) = message {
            family.message_len.store(message.end(out), Ordering::Relaxed);
        }
        flow
    }

    #[expect(clippy::too_many_arguments, reason = "what a page, a family and a metric are made of")]
    fn write_member(
        &mut self,
        out: &mut Vec<u8>,
        source: Source<'_>,
        family: &Family,
        number: u32,
        metric: Metric<'_>,
        message: &mut Option<Delimited>,
        reports: &mut Vec<Report>,
    ) -> ControlFlow<()> {
        let Some(member) = family.members.get(number as usize) else {
            return ControlFlow::Continue(());
        };
        let is_message = source.format == Format::Protobuf;
        let has_groups = family.identities.group_count() > 0;
        let is_plain = !is_message && !has_groups;
        let registry = source.registry;
        let lines = Lines::new(family, member, registry, source.format);
        let messages = Message { family, member, naming: registry.naming };
        metric.try_for_each_from(self.series, |point| {
            let SeriesText::Text(text) = member.texts.get(point.series) else {
                return ControlFlow::Continue(());
            };
            if is_plain && let Some(number) = number_of(&point) {
                self.write_comments(out, family, source.format);
                lines.write_number(out, text, number, point.exemplars(), point.start_unix_nanos);
                return self.end_series(point.series, out.len() >= source.limit);
            }
            let Some(mut sample) = Sample::of(&point) else { return ControlFlow::Continue(()) };
            let total;
            if has_groups && let Some(group) = family.identities.group_of((number, point.series)) {
                match self.totals.as_mut().and_then(|totals| totals.get_mut(group.number)) {
                    Some(slot) => {
                        total = slot.take();
                        match &total {
                            Some(total) => sample = total.sample(),
                            None => return ControlFlow::Continue(()),
                        }
                    }
                    // Since the family began a second series was found to have the labels of this one, which
                    // is alone on this page.
                    None if group.is_first => {}
                    None => return ControlFlow::Continue(()),
                }
            }
            if is_message {
                if !protobuf::has_place(&sample) {
                    if !self.has_reported {
                        self.has_reported = true;
                        reports.push(too_coarse(&metric));
                    }
                    return ControlFlow::Continue(());
                }
                if message.is_none() {
                    *message = Some(Delimited::begin(out, family.message_len.load(Ordering::Relaxed)));
                    out.extend_from_slice(family.comments(source.format));
                }
                messages.write(out, text, point.start_unix_nanos, sample);
            } else {
                self.write_comments(out, family, source.format);
                lines.write(out, text, sample);
            }
            self.end_series(point.series, out.len() >= source.limit)
        })
    }

    /// Before the first line of the family.
    #[inline]
    fn write_comments(&mut self, out: &mut Vec<u8>, family: &Family, format: Format) {
        if !self.has_comments {
            self.has_comments = true;
            out.extend_from_slice(family.comments(format));
        }
    }

    /// After a series; `is_full` says whether the piece is.
    #[inline]
    fn end_series(&mut self, series: usize, is_full: bool) -> ControlFlow<()> {
        if is_full {
            self.series = series + 1;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn member_of(family: u32, registry: &Registry, metric: &Metric<'_>) -> Option<u32> {
    match registry.placement(metric) {
        Some(Placement::Member(number, member)) if number == family => Some(member),
        _ => None,
    }
}

/// Reads the series that are to be added up.
fn totals(
    family: &Family,
    number: u32,
    source: Source<'_>,
    metrics: std::ops::Range<usize>,
) -> Vec<Option<Total>> {
    let mut totals: Vec<Option<Total>> = vec![None; family.identities.group_count()];
    if totals.is_empty() {
        return totals;
    }
    for metric in metrics.filter_map(|id| source.collection.metric(id)) {
        let Some(member) = member_of(number, source.registry, &metric) else { continue };
        metric.for_each(|point| {
            if let (Some(group), Some(sample)) =
                (family.identities.group_of((member, point.series)), Sample::of(&point))
                && let Some(total) = totals.get_mut(group.number)
            {
                match total {
                    Some(total) => total.add(sample),
                    empty => *empty = Some(Total::new(sample)),
                }
            }
        });
    }
    totals
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
