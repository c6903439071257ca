//! How a span is made that is as most are.
//!
//! These say no, and have done nothing, where something is not so simple; then there is [`new_span`](Core::new_span).

use opentelemetry::trace::SpanKind;
use tracing::span::Attributes;

use super::Core;
use crate::identity::{HAS_STATE, HELD, Identity, LENDS, RECORDING, REMOTE};
use crate::local::{self, Local};
use crate::site::Site;
use crate::slot::{Inner, Slot};
use crate::table;

impl Core {
    /// Makes a span under the innermost one of this thread, which the engine started or which lends its ids, without special
    /// fields, with nobody asked about it. Compiled into its caller, so that ids and flags stay in registers; what only some spans
    /// need is out of line.
    #[inline(always)]
    pub(crate) fn new_child(&self, attributes: &Attributes<'_>) -> Option<u64> {
        let parent = local::innermost(self.id)?;
        let site = Site::of(attributes.metadata());
        if site.may_be_special() {
            return None;
        }
        let above = self.table.get(parent)?;
        match above.bits() & LENDS {
            0 => self.start_child(parent, above, site, attributes),
            _ => self.lend(parent, above, site),
        }
    }

    /// Makes a span that is not started, and has the ids of the one above.
    #[inline(always)]
    fn lend(&self, parent: u64, above: &Slot, site: Site) -> Option<u64> {
        let identity = above.identity();
        if !identity.has(LENDS) || !self.tracer.skips_under_unsampled() {
            return None;
        }
        let index = local::take_free(self.id, &self.table)?;
        let slot = self.table.slot(index)?;
        slot.set_parent(parent);
        slot.borrow(identity, above.events(), site, 0);
        Some(table::number(index, slot))
    }

    #[inline(never)]
    fn start_child(&self, parent: u64, above: &Slot, site: Site, attributes: &Attributes<'_>) -> Option<u64> {
        let identity = above.identity();
        if identity.has(REMOTE | HAS_STATE | LENDS) {
            return None;
        }
        let started = local::with_own(self.id, |own, free| {
            let index = free.take(&self.table)?;
            let slot = self.table.slot(index)?;
            let mut inner = slot.lock();
            let name = attributes.metadata().name();
            if !self.tracer.start_child_on(&own.spans, &mut inner.live, name, identity.as_parent(None)) {
                free.leave(&self.table, index);
                return None;
            }
            Some((index, slot, inner))
        });
        let (index, slot, mut inner) = started.flatten()?;
        slot.set_parent(parent);
        Some(self.begin(slot, &mut inner, index, site, identity.trace_id, attributes))
    }

    /// As [`new_child`](Self::new_child), or a span without a parent, where there is none around or none is wanted.
    #[inline(never)]
    pub(crate) fn new_child_or_root(&self, attributes: &Attributes<'_>) -> Option<u64> {
        let child = if attributes.is_contextual() { self.new_child(attributes) } else { None };
        child.or_else(|| local::try_with(|local| self.new_root_in(local, attributes)).flatten())
    }

    fn new_root_in(&self, local: &Local, attributes: &Attributes<'_>) -> Option<u64> {
        let peek = local.peek();
        let is_root = attributes.is_root() || peek.span == 0 && local.top(self.id).is_none();
        let site = Site::of(attributes.metadata());
        if peek.suppressed || !is_root || site.may_be_special() {
            return None;
        }
        let started = local::with_own(self.id, |own, free| {
            let index = free.take(&self.table)?;
            let slot = self.table.slot(index)?;
            let mut inner = slot.lock();
            let live = &mut inner.live;
            if self.tracer.start_root_on(&own.spans, live, attributes.metadata().name())
                || self.is_lean && self.tracer.drop_root_on(&own.spans, live)
            {
                return Some((index, slot, inner));
            }
            free.leave(&self.table, index);
            None
        });
        let (index, slot, mut inner) = started.flatten()?;
        slot.set_parent(0);
        if !inner.live.is_recording() {
            return Some(self.begin_dropped(slot, &mut inner, index, site, attributes));
        }
        let trace_id = u128::from_be_bytes(inner.live.trace_id().to_bytes());
        Some(self.begin(slot, &mut inner, index, site, trace_id, attributes))
    }

    /// Puts a span that has just started, and has no special fields, where it is found, and returns its number.
    #[inline(always)]
    fn begin(
        &self,
        slot: &Slot,
        inner: &mut Inner,
        index: u32,
        site: Site,
        trace_id: u128,
        attributes: &Attributes<'_>,
    ) -> u64 {
        let number = table::number(index, slot);
        inner.kind = SpanKind::Internal;
        inner.holds = false;
        if site.has_fields() {
            self.write_fields(inner, site, attributes);
        }
        let mut bits = u32::from(inner.live.trace_flags().to_u8()) | RECORDING;
        if !self.is_lean {
            bits |= self.add_options(inner, number, site, attributes);
        }
        let span_id = u64::from_be_bytes(inner.live.span_id().to_bytes());
        slot.begin(&Identity { trace_id, span_id, bits }, number, site);
        number
    }

    /// As [`begin`](Self::begin), of a root that the sampler dropped: what is recorded of it is held.
    #[inline(always)]
    fn begin_dropped(
        &self,
        slot: &Slot,
        inner: &mut Inner,
        index: u32,
        site: Site,
        attributes: &Attributes<'_>,
    ) -> u64 {
        let number = table::number(index, slot);
        inner.kind = SpanKind::Internal;
        self.hold(inner, site, attributes);
        let identity = inner.identity();
        slot.begin(&Identity { bits: identity.bits | HELD, ..identity }, number, site);
        number
    }
}
