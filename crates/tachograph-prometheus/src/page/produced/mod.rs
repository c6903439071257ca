//! Metrics of producers on the page, after the engine's own.
//!
//! What a producer gives is a copy of its own already, so that nothing is gained by keeping label texts: this
//! is the slow path.

mod buckets;
mod point;
mod protobuf;
mod quantiles;
mod text;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::Source;
use crate::Format;
use crate::labels::gives_way;
use crate::produced::{ProducedFamily, naming_of, report};
use crate::report::Report;

/// How much of the producers' part has been written.
pub(super) struct ProducedCursor {
    /// The families that are on this page, each with its metrics: the batch, and the place in it.
    families: Vec<(u32, Vec<(usize, usize)>)>,
    at: usize,
}

impl ProducedCursor {
    pub(super) fn new(source: Source<'_>) -> Self {
        let registry = source.registry;
        let mut members = HashMap::<u32, Vec<(usize, usize)>>::new();
        for (number, batch) in source.collection.produced().iter().enumerate() {
            for (at, metric) in batch.metrics.iter().enumerate() {
                let place =
                    registry.produced().place_of(batch, metric, registry.naming, registry.has_ratio_suffix());
                if let Some(family) = place {
                    members.entry(family).or_default().push((number, at));
                }
            }
        }
        let mut families: Vec<_> = members.into_iter().collect();
        families.sort_unstable_by_key(|(number, _)| *number);
        ProducedCursor { families, at: 0 }
    }

    /// Appends families until the piece is full, each as a whole; breaks when there are more.
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        source: Source<'_>,
        reports: &mut Vec<Report>,
    ) -> ControlFlow<()> {
        while let Some((number, members)) = self.families.get(self.at) {
            if out.len() >= source.limit {
                return ControlFlow::Break(());
            }
            if let Some(family) = source.registry.produced().family(*number) {
                write_family(out, source, family, members, reports);
            }
            self.at += 1;
        }
        ControlFlow::Continue(())
    }
}

fn write_family(
    out: &mut Vec<u8>,
    source: Source<'_>,
    family: &ProducedFamily,
    members: &[(usize, usize)],
    reports: &mut Vec<Report>,
) {
    let registry = source.registry;
    let mut writer: Box<dyn point::Writer> = match source.format {
        Format::Protobuf => Box::new(protobuf::Messages::new(family)),
        format => {
            let has_type = registry.has_type(&family.name);
            Box::new(text::Lines::new(family, format, has_type, registry.has_created_samples()))
        }
    };
    let mut seen = HashSet::new();
    for (batch, metric) in members {
        let Some(batch) = source.collection.produced().get(*batch) else { continue };
        let Some(metric) = batch.metrics.get(*metric) else { continue };
        let naming = naming_of(batch, registry.naming);
        let scope = if batch.verbatim { Vec::new() } else { registry.scope_labels(&batch.scope) };
        let (mut repeated, mut misfits, mut quantiles, mut has_given_way) = (0, 0, 0, false);
        let own = family.kind.own_label();
        for produced in &metric.points {
            let labels = registry.constant_labels().iter().chain(&scope);
            let (labels, gave_way) = point::labels(produced, labels, naming, own, source.format.encoding());
            has_given_way |= gave_way;
            if !seen.insert(labels.clone()) {
                repeated += 1;
            } else if !writer.write(out, family, produced, &labels, naming) {
                misfits += 1;
            } else {
                quantiles += quantiles::without_place(&produced.value);
            }
        }
        if let Some(label) = own.filter(|_| has_given_way) {
            reports.push(report(batch, metric, &gives_way(label)));
        }
        if repeated > 0 {
            let what = format!(
                "has {repeated} series with the labels of others; the first of each is on the page and the later \
                 are left out"
            );
            reports.push(report(batch, metric, &what));
        }
        if quantiles > 0 {
            let what = format!(
                "has {quantiles} quantiles that are not from 0 to 1, or that its summaries have already; they are left out"
            );
            reports.push(report(batch, metric, &what));
        }
        if misfits > 0 {
            let what = format!("has {misfits} points that are not of its kind; they are left out");
            reports.push(report(batch, metric, &what));
        }
    }
    writer.end(out);
}
