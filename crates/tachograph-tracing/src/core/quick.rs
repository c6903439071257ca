//! How a span is made that is as most are.
//!
//! Each step asks all that it has to know first, and goes on to [`new_span`](Core::new_span), having done nothing, where
//! something is not so simple. It goes on by a call that is its last, so that nothing is kept across it.

use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use tracing::span::{Attributes, Id};

use super::{Asked, Core};
use crate::identity::{HAS_STATE, HELD, Identity, LENDS, RECORDING, REMOTE};
use crate::local::{self, Local};
use crate::options::ContextMode;
use crate::site::Site;
use crate::slot::{Inner, Slot};
use crate::table;

impl Core {
    /// Makes a span of the engine's, under the innermost one of this thread or as a root. Compiled into its caller; what follows is out
    /// of line.
    #[inline(always)]
    pub(crate) fn new_traced(&self, attributes: &Attributes<'_>) -> Id {
        if attributes.is_contextual()
            && let Some(parent) = local::innermost(self.id)
        {
            let site = Site::of(attributes.metadata());
            if !site.may_be_special()
                && let Some(above) = self.table.get(parent)
            {
                return match above.bits() & LENDS {
                    0 => self.start_child(attributes, site, parent, above),
                    _ => self.lend(attributes, site, parent, above),
                };
            }
        }
        self.new_traced_otherwise(attributes)
    }

    #[inline(never)]
    fn new_traced_otherwise(&self, attributes: &Attributes<'_>) -> Id {
        let root = local::try_with(|local| self.new_root(local, attributes)).flatten();
        root.unwrap_or_else(|| {
            let asked = if attributes.is_contextual() { Asked::Contextual } else { Asked::Root };
            Id::from_u64(self.new_span(attributes, asked, true))
        })
    }

    /// Makes a span that is not started, and has the ids of the one above.
    #[inline(never)]
    fn lend(&self, attributes: &Attributes<'_>, site: Site, parent: u64, above: &Slot) -> Id {
        let identity = above.identity();
        if identity.has(LENDS)
            && self.tracer.skips_under_unsampled()
            && let Some(index) = local::take_free(self.id, &self.table).or_else(|| self.take_of_others())
            && let Some(slot) = self.table.slot(index)
        {
            slot.set_parent(parent);
            slot.borrow(identity, above.events(), site);
            return Id::from_u64(table::number(index, slot));
        }
        self.new_traced_otherwise(attributes)
    }

    /// Takes a slot where those at hand are another core's.
    #[cold]
    #[inline(never)]
    fn take_of_others(&self) -> Option<u32> {
        local::with_own(self.id, |_, free| free.take(&self.table)).flatten()
    }

    /// Makes a span under one that the engine started.
    #[inline(never)]
    fn start_child(&self, attributes: &Attributes<'_>, site: Site, parent: u64, above: &Slot) -> Id {
        let identity = above.identity();
        if identity.has(REMOTE | HAS_STATE | LENDS) {
            return self.new_traced_otherwise(attributes);
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
        let Some((index, slot, mut inner)) = started.flatten() else {
            return self.new_traced_otherwise(attributes);
        };
        slot.set_parent(parent);
        self.begin(slot, &mut inner, index, site, identity.trace_id, attributes)
    }

    /// Makes a span without a parent, where there is none around or none is wanted.
    #[inline(always)]
    fn new_root(&self, local: &Local, attributes: &Attributes<'_>) -> Option<Id> {
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
                || !self.options.has_extras() && self.tracer.drop_root_on(&own.spans, live)
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
    ) -> Id {
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
        Id::from_u64(number)
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
    ) -> Id {
        let number = table::number(index, slot);
        inner.kind = SpanKind::Internal;
        self.hold(inner, site, attributes);
        if self.options.mode == ContextMode::Full {
            Context::map_current(|current| self.set_context(inner, number, current));
        }
        let identity = inner.identity();
        slot.begin(&Identity { bits: identity.bits | HELD, ..identity }, number, site);
        Id::from_u64(number)
    }
}
