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
use crate::identity::{BORROWED, HAS_STATE, HELD, RECORDING, SHOWN};
use crate::local::{self, Local};
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
        if local::try_with(|local| self.end_simply(local, number, slot)) != Some(true) {
            self.end_otherwise(number, slot);
        }
    }

    /// Ends a span as most are: on a thread that made some, with nobody to tell of it but the engine. Says no, and has done
    /// nothing, where it is not so simple.
    #[inline(always)]
    fn end_simply(&self, local: &Local, number: u64, slot: &Slot) -> bool {
        let Some(mut kept) = local.kept() else {
            return false;
        };
        let Some(own) = kept.own(self.id) else {
            return false;
        };
        let mut context = None;
        let bits = slot.bits();
        if bits & (BORROWED | SHOWN | HAS_STATE) != BORROWED {
            let mut inner = slot.lock();
            let ends = bits & BORROWED == 0 && !self.options.busy_idle;
            if !ends || !self.tracer.end_child_on(&own.spans, &mut inner.live) {
                return false;
            }
            inner.forget();
            if inner.context.is_some() {
                context = inner.context.take();
            }
        }
        slot.retire();
        own.leave(&self.table, table::index(number));
        // What is in a context may be the user's: it goes where nothing is borrowed or locked.
        drop(kept);
        if context.is_some() {
            drop_context(context);
        }
        true
    }

    #[inline(never)]
    fn end_otherwise(&self, number: u64, slot: &Slot) {
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
        let index = table::index(number);
        let left = local::try_with(|local| {
            self.has_own(local).then_some(())?;
            local.kept()?.own(self.id)?.leave(&self.table, index);
            Some(())
        });
        if left.flatten().is_none() {
            self.table.give_back(std::iter::once(index));
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
