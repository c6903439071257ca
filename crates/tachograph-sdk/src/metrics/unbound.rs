//! Measurements that nobody takes.

use std::sync::OnceLock;

use crate::cells::{self, Row};

/// Counts measurements made through instruments that are bound to no provider: in a row like any other,
/// for a program whose telemetry is turned off is not to pay for it with a contended counter.
static UNBOUND: OnceLock<Option<Row>> = OnceLock::new();

/// How many measurements were made so far through instruments that are bound to no provider.
pub(crate) fn unbound_measurements() -> u64 {
    UNBOUND.get().copied().flatten().map_or(0, cells::sum::<u64>)
}

/// Counts a measurement that was made through an instrument that is bound to no provider.
#[cold]
#[inline(never)]
pub(crate) fn count_unbound() {
    if let Some(row) = UNBOUND.get_or_init(|| cells::allocate(cells::SUM_WIDTH)) {
        cells::add(*row, 1_u64);
    }
}
