//! A family on its way to the page.

use std::ops::ControlFlow;

use tachograph_sdk::metrics::Metric;

use super::Source;
use super::member::MemberWriter;
use super::progress::Progress;
use crate::family::Family;
use crate::merge::{Sample, Total};
use crate::registry::{Placement, Registry};
use crate::report::Report;

/// How much of a family has been written.
pub(super) struct FamilyCursor {
    number: u32,
    /// The metric, and its series, where it goes on.
    metric: usize,
    series: usize,
    progress: Progress,
}

impl FamilyCursor {
    /// At the first of a family's metrics.
    pub(super) fn new(number: u32, family: &Family) -> Self {
        FamilyCursor { number, metric: family.metrics().start, series: 0, progress: Progress::default() }
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
        if self.progress.totals.is_none() {
            self.progress.totals = Some(totals(family, self.number, source, self.metric..end));
        }
        let flow = self.write_members(out, source, family, end, reports);
        self.progress.end_message(out, family);
        flow
    }

    fn write_members(
        &mut self,
        out: &mut Vec<u8>,
        source: Source<'_>,
        family: &Family,
        end: usize,
        reports: &mut Vec<Report>,
    ) -> ControlFlow<()> {
        while self.metric < end {
            if let Some(metric) = source.collection.metric(self.metric)
                && let Some(number) = member_of(self.number, source.registry, &metric)
                && let Some(member) = family.members.get(number as usize)
            {
                let progress = &mut self.progress;
                let writer = MemberWriter::new(source, family, (number, member), metric, progress, reports);
                if let ControlFlow::Break(next) = writer.write(out, self.series) {
                    self.series = next;
                    return ControlFlow::Break(());
                }
            }
            (self.metric, self.series) = (self.metric + 1, 0);
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
