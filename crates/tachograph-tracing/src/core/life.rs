//! What happens to a span between its creation and its end.

use tachograph_sdk::QuickGuard;

use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::LiveSpan;
use tracing::field::Field;
use tracing::span::Record;

use super::Core;
use super::birth::Held;
use super::held::{guarded, lock};
use crate::attach;
use crate::fields::{self, Sink, Visitor};
use crate::identity::{BORROWED, HELD, RECORDING, SHOWN};
use crate::local::{self, Own};
use crate::slot::{Extras, Inner, Slot};
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
    #[inline]
    pub(crate) fn close(&self, number: u64) -> bool {
        match self.table.get(number) {
            Some(slot) if slot.drop_handle() => {
                self.end(number, slot);
                true
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn end(&self, number: u64, slot: &Slot) {
        let ended = local::try_with(|local| local.own(self.id).map(|own| self.end_on(number, slot, &own)));
        if ended.flatten().is_none() {
            self.end_elsewhere(number, slot);
        }
    }

    #[inline(always)]
    fn end_on(&self, number: u64, slot: &Slot, own: &Own) {
        let bits = slot.bits();
        if bits & BORROWED == 0 {
            self.finish(number, slot, own);
        } else if bits & SHOWN != 0 {
            slot.lock().forget();
        }
        slot.retire();
        own.leave(&self.table, table::index(number));
    }

    /// Ends a span on a thread that made none so far, or is being destroyed.
    #[cold]
    #[inline(never)]
    fn end_elsewhere(&self, number: u64, slot: &Slot) {
        if let Some(own) = local::try_with(|local| self.own(Some(local))).flatten() {
            return self.end_on(number, slot, &own);
        }
        let mut inner = slot.lock();
        if slot.bits() & BORROWED == 0 {
            self.finish_any(number, &mut inner);
        }
        inner.forget();
        detach(inner);
        slot.retire();
        self.table.give_back(std::iter::once(table::index(number)));
    }

    #[inline(always)]
    fn finish(&self, number: u64, slot: &Slot, own: &Own) {
        let mut inner = slot.lock();
        if self.options.busy_idle || !self.tracer.end_child_on(&own.spans, &mut inner.live) {
            self.finish_any(number, &mut inner);
        }
        inner.forget();
        if inner.context.is_some() {
            detach(inner);
        }
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

/// Drops a span's context where no lock is held: what is in it may be the user's.
#[inline(never)]
fn detach(mut inner: QuickGuard<'_, Inner>) {
    let context = inner.context.take();
    drop(inner);
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
                let Extras { special, held, .. } = inner.extras();
                Held { special, held }.field(field, value);
            }
        } else if let Some(said) = special::read(field.name(), value) {
            // Marks that there are some.
            let _ = inner.extras();
            inner.extras.special.take_late(said, &mut inner.live);
        } else {
            inner.live.set_attribute(field.name(), value);
        }
    }

    fn error(&mut self, _: &Field, message: &str, error: &(dyn std::error::Error + 'static)) {
        fields::with_buffer(|sources| {
            fields::format_sources(sources, error);
            self.core.with_live(self.number, |live| {
                let time = self.core.tracer.event_time(live);
                attach::exception(live, time, message, sources);
            });
        });
    }
}
