//! Which series a collection shows.

use super::series::SeriesTable;
use crate::cells::Row;

/// Which series of a stream a collection shows: those that have neither departed nor been idle for too long.
pub(super) struct Presence<'a> {
    series: &'a SeriesTable,
    any_departed: bool,
    idle_expiry_nanos: Option<u64>,
    now_unix_nanos: u64,
    takes_deltas: bool,
}

impl<'a> Presence<'a> {
    pub(super) fn new(series: &'a SeriesTable, now_unix_nanos: u64, takes_deltas: bool) -> Self {
        // Whoever takes what is new is shown those, for they may have had something new.
        let any_departed =
            !takes_deltas && series.rare.get().is_some_and(|rare| rare.vacancies.any_departed());
        let idle_expiry_nanos = series.options().idle_expiry_nanos;
        Presence { series, any_departed, idle_expiry_nanos, now_unix_nanos, takes_deltas }
    }

    /// Whether a series is shown; notes when somebody last recorded, and that it is to go if that is long ago and it may.
    #[inline]
    pub(super) fn is_shown(&self, id: usize, row: Row, may_expire: bool) -> bool {
        if !self.any_departed && self.idle_expiry_nanos.is_none() {
            return true;
        }
        self.is_shown_now(id, row, may_expire)
    }

    #[inline(never)]
    fn is_shown_now(&self, id: usize, row: Row, may_expire: bool) -> bool {
        let vacancies = &self.series.rare.make().vacancies;
        if self.any_departed && vacancies.has_departed(id) {
            return false;
        }
        let Some(expiry) = self.idle_expiry_nanos else {
            return true;
        };
        let idle = vacancies.idle_nanos(id, self.series.print(row), self.now_unix_nanos);
        if idle < expiry || !may_expire || vacancies.is_pinned(row) || self.series.is_overflow(id) {
            return true;
        }
        self.series.expire(id);
        self.takes_deltas
    }
}
