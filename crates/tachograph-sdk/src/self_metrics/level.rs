//! What goes up and down and is read from an account.

use opentelemetry::metrics::Meter;

/// One such number of an account `A`.
pub(super) struct Level<A> {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) description: &'static str,
    pub(super) of: fn(&A) -> u64,
}

/// Makes numbers of an account observable, as up-down counters; while there is no account they have no series.
pub(super) fn observe_levels<A: 'static, const N: usize>(
    meter: &Meter,
    account: impl Fn() -> Option<A> + Clone + Send + Sync + 'static,
    levels: [Level<A>; N],
) {
    for Level { name, unit, description, of } in levels {
        let read = account.clone();
        meter
            .i64_observable_up_down_counter(name)
            .with_unit(unit)
            .with_description(description)
            .with_callback(move |observer| {
                if let Some(account) = read() {
                    observer.observe(i64::try_from(of(&account)).unwrap_or(i64::MAX), &[]);
                }
            })
            .build();
    }
}
