//! What happens to a span between its creation and its end.

use opentelemetry::Context;
use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::LiveSpan;
use tracing::field::Field;
use tracing::span::Record;

use super::Core;
use super::birth::Held;
use super::held::{guarded, lock};
use crate::attach;
use crate::fields::{self, Sink, Visitor};
use crate::identity::{BORROWED, HAS_STATE, HELD, RECORDING};
use crate::local;
use crate::slot::{Inner, Slot};
use crate::special;
use crate::table;

impl Core {
    #[inline]
    pub(crate) fn add_handle(&self, number: u64) {
        if let Some(slot) = self.table.get(number) {
            slot.add_handle();
        }
    }

    /// Gives a handle back; ends the span with the last one, and says whether it was.
    #[inline(always)]
    pub(crate) fn close(&self, number: u64) -> bool {
        let Some(slot) = self.table.get(number) else {
            return false;
        };
        if !slot.drop_handle() {
            return false;
        }
        if slot.bits() & (BORROWED | HELD | HAS_STATE) == BORROWED {
            self.end_borrowed(number, slot)
        } else {
            self.end(number, slot)
        }
    }

    /// Ends a span that was not started and has nothing of its own. Always says yes.
    #[inline(always)]
    fn end_borrowed(&self, number: u64, slot: &Slot) -> bool {
        slot.retire();
        let index = table::index(number);
        local::leave_free(self.id, &self.table, index) || self.leave(index)
    }

    /// Leaves a slot for the next span.
    #[cold]
    #[inline(never)]
    fn leave(&self, index: u32) -> bool {
        let left = local::try_with(|local| {
            self.has_own(local).then_some(())?;
            local::with_own(self.id, |_, free| free.leave(&self.table, index))
        });
        if left.flatten().is_none() {
            self.table.give_back(std::iter::once(index));
        }
        true
    }

    /// Ends a span. Always says yes.
    #[inline(never)]
    fn end(&self, number: u64, slot: &Slot) -> bool {
        self.end_simply(number, slot) || self.end_otherwise(number, slot)
    }

    /// Ends a span as most are: on a thread that made some, with nobody to tell of it but the engine. Says no, and has done
    /// nothing, where it is not so simple.
    #[inline(always)]
    fn end_simply(&self, number: u64, slot: &Slot) -> bool {
        let mut context = None;
        let ended = local::with_own(self.id, |own, free| {
            let mut inner = slot.lock();
            let is_open = inner.live.is_recording();
            if is_open && (self.options.busy_idle || !self.tracer.end_child_on(&own.spans, &mut inner.live)) {
                return false;
            }
            inner.forget();
            if inner.context.is_some() {
                context = inner.context.take();
            }
            drop(inner);
            slot.retire();
            free.leave(&self.table, table::index(number));
            true
        });
        // What is in a context may be the user's: it goes where nothing is borrowed or locked.
        if context.is_some() {
            drop_context(context);
        }
        ended == Some(true)
    }

    #[cold]
    #[inline(never)]
    fn end_otherwise(&self, number: u64, slot: &Slot) -> bool {
        let context = {
            let mut inner = slot.lock();
            if slot.bits() & BORROWED == 0 {
                self.finish_any(number, &mut inner);
            }
            inner.forget();
            inner.context.take()
        };
        drop(context);
        slot.retire();
        self.leave(table::index(number))
    }

    #[inline(never)]
    fn finish_any(&self, number: u64, inner: &mut Inner) {
        if inner.live.is_recording() {
            if self.options.busy_idle {
                let (busy, idle) = inner.timing.finish();
                inner.live.set_attribute("busy_ns", busy);
                inner.live.set_attribute("idle_ns", idle);
            }
            guarded(number, || self.tracer.end_span(&mut inner.live, None));
        }
    }

    pub(crate) fn record(&self, number: u64, values: &Record<'_>) {
        let Some(slot) = self.table.get(number) else {
            return;
        };
        if slot.bits() & (RECORDING | HELD) != 0 {
            values.record(&mut Visitor(&mut Late { core: self, number, slot }));
        }
    }

    pub(crate) fn follows_from(&self, number: u64, follows: u64) {
        let Some(other) = self.table.get(follows) else {
            return;
        };
        let identity = other.identity();
        let state = self.state_of(follows, other);
        if identity.is_valid() {
            self.with_live(number, |live| drop(live.add_link(identity.as_parent(state.as_ref()))));
        }
    }

    /// Changes what the engine records, unless this thread is doing so already.
    pub(crate) fn with_live(&self, number: u64, change: impl FnOnce(&mut LiveSpan)) {
        if let Some(slot) = self.table.get(number)
            && slot.bits() & RECORDING != 0
            && let Some(mut inner) = lock(number, slot)
        {
            change(&mut inner.live);
        }
    }
}

/// Drops the context of a span, out of line.
#[inline(never)]
fn drop_context(context: Option<Context>) {
    drop(context);
}

/// Records fields of a span that lives. The lock is taken for each: a value's `Debug` runs before, without it.
struct Late<'a> {
    core: &'a Core,
    number: u64,
    slot: &'a Slot,
}

impl Sink for Late<'_> {
    fn field(&mut self, field: &Field, value: ValueRef<'_>) {
        let Some(mut inner) = lock(self.number, self.slot) else {
            return;
        };
        let inner = &mut *inner;
        if !inner.live.is_recording() {
            if self.slot.bits() & HELD != 0 {
                Held::in_extras(inner.extras()).field(field, value);
            }
        } else if let Some(said) = special::read(field.name(), value) {
            // Marks that there are some.
            let _ = inner.extras();
            inner.extras.special.take_late(said, &mut inner.live);
        } else {
            inner.live.set_attribute(field.name(), value);
        }
    }

    fn error(&mut self, field: &Field, message: &str, error: &(dyn std::error::Error + 'static)) {
        fields::with_buffer(|sources| {
            fields::format_sources(sources, error);
            let Some(mut inner) = lock(self.number, self.slot) else {
                return;
            };
            inner.extras().causes.set(field.name(), ValueRef::Str(sources));
            if inner.live.is_recording() {
                let time = self.core.tracer.event_time(&inner.live);
                attach::exception(&mut inner.live, time, message, sources);
            }
        });
    }
}
