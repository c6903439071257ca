//! The encoder: a collection and what is known of it become a page, in one piece or in many.
//!
//! Families follow the order in which their first metrics were made, each with its samples together; then come
//! those of producers.
//! Every line is a copy of text that was formatted when the series was learned, and a number; every message a
//! copy of encoded labels, and a number.

mod family;
mod member;
mod produced;
mod progress;
mod protobuf;
mod text;

use std::ops::ControlFlow;

use tachograph_sdk::metrics::Collection;

use crate::Format;
use crate::registry::{Placement, Registry};
use crate::report::Report;
use family::FamilyCursor;
use produced::ProducedCursor;

/// What a page is made of.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) collection: &'a Collection,
    pub(crate) format: Format,
    /// No series is begun when so many bytes have been written: the page goes on with the next piece.
    pub(crate) limit: usize,
}

/// How much of a page has been written.
///
/// Between two pieces the registry may learn more, by other scrapes. What it had keeps its place, so that the
/// page goes on where it was; series that it did not know when the page began are left out, for they came after
/// the scrape began.
#[derive(Default)]
pub(crate) struct Cursor {
    has_begun: bool,
    has_ended: bool,
    /// The metric where the next family is looked for.
    metric: usize,
    family: Option<FamilyCursor>,
    /// Of what producers gave; begun after the metrics.
    produced: Option<ProducedCursor>,
    /// What is to be said of the page, once no lock is held.
    reports: Vec<Report>,
}

impl Cursor {
    /// Appends the next piece of the page; breaks when it is full.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, source: Source<'_>) -> ControlFlow<()> {
        let Source { registry, collection, format, .. } = source;
        if !self.has_begun {
            out.extend_from_slice(registry.target_info(format));
            self.has_begun = true;
        }
        loop {
            if let Some(family) = &mut self.family {
                family.write(out, source, &mut self.reports)?;
                self.family = None;
                self.metric += 1;
            }
            let Some(metric) = collection.metric(self.metric) else { break };
            match registry.placement(&metric) {
                // A family is written where the first of its metrics is that had a series.
                Some(Placement::Member(number, 0)) => {
                    self.family = registry.family(number).map(|family| FamilyCursor::new(number, family));
                    // There is one; if not, its place is passed over.
                    self.metric += usize::from(self.family.is_none());
                }
                _ => self.metric += 1,
            }
        }
        if !collection.produced().is_empty() {
            let produced = self.produced.get_or_insert_with(|| ProducedCursor::new(source));
            produced.write(out, source, &mut self.reports)?;
        }
        if format == Format::OpenMetrics100 && !self.has_ended {
            out.extend_from_slice(b"# EOF\n");
        }
        self.has_ended = true;
        ControlFlow::Continue(())
    }

    /// Makes the reports that have come up. No lock may be held: who listens to reports may ask for a page.
    pub(crate) fn report(&mut self) {
        self.reports.drain(..).for_each(Report::send);
    }
}
