//! Another parent, and the context with the span in it.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::{SpanAttributes, SpanStart};
use tracing::Metadata;

use super::Core;
use super::held::{guarded, lock};
use crate::fields::Fields;
use crate::identity::{ATTACH, BORROWED, HELD, Identity, RECORDING, SHOWN};
use crate::local;
use crate::options::ContextMode;
use crate::slot::{Extras, Inner, Slot};

impl Core {
    /// The span's context, which from now on is attached when it is entered.
    pub(crate) fn context(&self, number: u64) -> Context {
        let current = local::current_context();
        let Some(slot) = self.table.get(number) else {
            return current;
        };
        let Some(mut inner) = lock(number, slot) else {
            return current;
        };
        let identity = slot.identity();
        if identity.has(BORROWED) {
            drop(inner);
            return match identity.is_valid() && local::peek().span != identity.span_id {
                true => self.context_of_borrowed(number, slot, &identity, &current),
                false => current,
            };
        }
        let context = match inner.context.take() {
            Some(context) => context,
            None => self.context_of(number, inner.live.span_context(), &current),
        };
        inner.context = Some(context.clone());
        slot.set_identity(Identity { bits: identity.bits | ATTACH, ..identity });
        context
    }

    /// Gives a span another parent, at any time in its life.
    pub(crate) fn set_parent(&self, number: u64, to: &Context) {
        let parent = to.span().span_context().clone();
        let Some(slot) = self.table.get(number).filter(|_| parent.is_valid()) else {
            return;
        };
        let before = {
            let Some(mut inner) = lock(number, slot) else {
                return;
            };
            let inner = &mut *inner;
            let bits = slot.bits();
            // The span itself is nobody's parent but others': of a context with it, as the current one is inside of it, the values are
            // taken.
            let is_itself = bits & BORROWED == 0
                && (parent.trace_id(), parent.span_id()) == (inner.live.trace_id(), inner.live.span_id());
            if !is_itself {
                guarded(number, || self.adopt(slot, inner, &parent));
                slot.set_events(number);
            }
            // In lazy mode too the values of the context are kept, for who asks for the span's.
            let context = self.context_of(number, inner.live.span_context(), to);
            let before = inner.context.replace(context);
            let mut identity = inner.identity();
            if self.options.mode == ContextMode::Lazy && inner.kind == SpanKind::Internal {
                identity.bits = identity.bits & !ATTACH | bits & ATTACH;
            }
            if !identity.has(RECORDING) && bits & (HELD | SHOWN) != 0 {
                identity.bits |= HELD;
            }
            identity.bits |= bits & SHOWN;
            slot.set_identity(identity);
            before
        };
        drop(before);
        let after = lock(number, slot).map(|inner| (slot.identity(), inner.context.clone()));
        if let Some((identity, Some(context))) = after
            && identity.has(ATTACH)
        {
            local::reattach(self.id, number, identity.span_id, context);
        }
    }

    fn adopt(&self, slot: &Slot, inner: &mut Inner, parent: &SpanContext) {
        let bits = slot.bits();
        if bits & RECORDING != 0 {
            if bits & SHOWN != 0 {
                hold_recorded(slot, inner);
            }
            self.tracer.set_parent(&mut inner.live, parent.into());
            return;
        }
        // It was not recorded, and may be now. What was held is recorded then; ids that are its own stay.
        if bits & BORROWED != 0 {
            inner.kind = SpanKind::Internal;
        }
        let Inner { live, kind, start, extras, .. } = inner;
        let Extras { held, special, .. } = extras;
        let name = match special.name.as_str() {
            "" => slot.metadata().map_or("", Metadata::name),
            name => name,
        };
        let cut = held.dropped;
        let held = HeldFields(held);
        let mut again =
            SpanStart::new(name).with_kind(kind).with_parent(Some(parent.into())).with_attributes(&held);
        if bits & BORROWED == 0 {
            again = again.with_ids(live.trace_id(), live.span_id());
        }
        if bits & HELD != 0
            && let Some(start) = *start
        {
            again = again.with_start_moment(start);
        }
        if self.tracer.start_span(live, again) {
            live.count_truncated(cut);
            special.apply(live);
        }
    }
}

/// Holds the fields of a span that is recorded, and may not be any more: for the console, which shows them all the same.
fn hold_recorded(slot: &Slot, inner: &mut Inner) {
    let Some(metadata) = slot.metadata() else {
        return;
    };
    inner.start = None;
    let _ = inner.extras();
    let Inner { live, extras, .. } = inner;
    live.recorded_attributes().visit(&mut |key, value| {
        if let Some(field) = metadata.fields().field(key) {
            extras.held.set(field.name(), value);
        }
    });
}

struct HeldFields<'a>(&'a Fields);

impl SpanAttributes for HeldFields<'_> {
    fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.0.iter().for_each(|(key, value)| visitor(key, value));
    }
}
