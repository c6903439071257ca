use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use super::attention;
use super::current::CurrentSpan;
use super::reservoir::{Reservoir, ReservoirKind};
use super::{Exemplar, FilteredAttributes, Sampling};
use crate::cells::Row;
use crate::clock::Clock;
use crate::number::NumberValue;

/// The number of the window that is open: how many collections there were, of any reader in the process.
static WINDOW: AtomicU64 = AtomicU64::new(0);

/// Closes the window, for a collection begins; returns the number of the next.
pub(crate) fn begin_window() -> u64 {
    WINDOW.fetch_add(1, Ordering::AcqRel) + 1
}

/// The number of the window that is open.
pub(crate) fn window() -> u64 {
    WINDOW.load(Ordering::Acquire)
}

/// The exemplars of a stream: a reservoir for each series that was offered a measurement.
///
/// A measurement waits for nobody: one that finds somebody else here is not offered. Who reads waits.
#[derive(Default)]
pub(crate) struct Exemplars(Mutex<Option<Box<Reservoirs>>>);

type Reservoirs = HashMap<Row, Reservoir>;

/// That a measurement is to be offered, and the span that is current.
#[derive(Clone, Copy)]
pub(crate) struct Admitted(Option<CurrentSpan>);

/// Whether a measurement that is due and made now is to be offered: there is attention left for it, and the filter admits it.
pub(crate) fn admit(sampling: &Sampling) -> Option<Admitted> {
    if attention::pay() { sampling.filter.admit().map(Admitted) } else { None }
}

/// A measurement that was admitted.
pub(crate) struct Offered {
    pub(crate) row: Row,
    pub(crate) value: NumberValue,
    pub(crate) bucket: Option<u32>,
    pub(crate) admitted: Admitted,
}

impl Exemplars {
    /// Offers a measurement made now; `fill` writes the attributes that its series has not.
    pub(crate) fn offer(
        &self,
        sampling: &Sampling,
        clock: &dyn Clock,
        kind: ReservoirKind,
        offered: Offered,
        fill: impl FnOnce(&mut FilteredAttributes),
    ) {
        attention::pay_offer();
        let Offered { row, value, bucket, admitted: Admitted(span) } = offered;
        let window = WINDOW.load(Ordering::Relaxed);
        let Some(Some(place)) = self.with(|all| reservoir(all, kind, row).admit(window, bucket)) else {
            return;
        };
        // With no lock held: what it asks is not ours.
        let kept = match (&sampling.trace_keeper, span) {
            (Some(keeper), Some(span)) if span.sampled => keeper.keep(span.ids.0),
            _ => None,
        };
        if kept == Some(false) {
            // Its trace is gone already: it would lead nowhere.
            return;
        }
        let unix_nanos = clock.unix_nanos();
        self.with(|all| {
            reservoir(all, kind, row).put(place, kept == Some(true), |exemplar| {
                (exemplar.value, exemplar.unix_nanos) = (value, unix_nanos);
                exemplar.span = span.map(|span| span.ids);
                fill(&mut exemplar.filtered);
            });
        });
    }

    /// Runs something with the reservoirs, if nobody else has them just now.
    fn with<T>(&self, run: impl FnOnce(&mut Reservoirs) -> T) -> Option<T> {
        let mut all = match self.0.try_lock() {
            Ok(all) => all,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(run(all.get_or_insert_default()))
    }

    /// Whether any measurement was kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Copies a series' exemplars of some windows.
    pub(crate) fn read<'a>(
        &self,
        row: Row,
        windows: &Range<u64>,
        into: &'a mut ExemplarBuffer,
    ) -> &'a [Exemplar] {
        into.len = 0;
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reservoir) = all.as_ref().and_then(|all| all.get(&row)) {
            reservoir.of(windows).for_each(|exemplar| into.push(exemplar));
        }
        &into.all[..into.len]
    }

    /// Forgets a series.
    pub(crate) fn remove(&self, row: Row) {
        if let Some(all) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            all.remove(&row);
        }
    }
}

fn reservoir(all: &mut Reservoirs, kind: ReservoirKind, row: Row) -> &mut Reservoir {
    all.entry(row).or_insert_with(|| {
        let seed = u64::from(Row::to_bits(row)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Reservoir::new(kind, seed)
    })
}

/// Exemplars of one series, copied; keeps its memory from one to the next.
#[derive(Default)]
pub(crate) struct ExemplarBuffer {
    all: Vec<Exemplar>,
    len: usize,
}

impl ExemplarBuffer {
    fn push(&mut self, exemplar: &Exemplar) {
        match self.all.get_mut(self.len) {
            Some(place) => place.clone_from(exemplar),
            None => self.all.push(exemplar.clone()),
        }
        self.len += 1;
    }
}
