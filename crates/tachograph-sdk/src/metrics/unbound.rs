//! Measurements that nobody takes.

use super::tally::Tally;

/// Counts measurements made through instruments that are bound to no provider: a program whose telemetry is turned off is not
/// to pay for it.
static UNBOUND: Tally = Tally::new();

/// How many measurements were made so far through instruments that are bound to no provider.
pub(crate) fn unbound_measurements() -> u64 {
    UNBOUND.get()
}

/// Counts a measurement that was made through an instrument that is bound to no provider.
#[cold]
#[inline(never)]
pub(crate) fn count_unbound() {
    UNBOUND.count();
}
