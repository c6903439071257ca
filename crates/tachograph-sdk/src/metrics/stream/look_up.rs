//! From attributes to the row of a stream that a measurement goes to.

use super::{Restriction, Stream};
use crate::attributes::Attributes;
use crate::cells::{self, Row};
use crate::metrics::series::Overflow;

impl Stream {
    /// The row that a measurement with some attributes is to be recorded in, and whether their series is one of their own. If
    /// there is none the measurement is counted as lost, unless the stream keeps nothing.
    #[inline]
    pub(super) fn row_of_one<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        self.row_or_overflow(attributes).or_else(|| self.lose())
    }

    /// The row of some attributes' series, and whether it is one of its own.
    #[inline]
    fn row_or_overflow<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        let found = match self.restriction.as_deref() {
            None => self.series.row(attributes)?,
            Some(restriction) => self.row_within(restriction, attributes)?,
        };
        Some(self.counted(found))
    }

    #[inline]
    pub(super) fn counted(&self, (row, overflow): (Row, Overflow)) -> (Row, Overflow) {
        if overflow != Overflow::No {
            self.count_overflow(overflow);
        }
        (row, overflow)
    }

    #[inline(never)]
    fn row_within<A: Attributes + ?Sized>(
        &self,
        restriction: &Restriction,
        attributes: &A,
    ) -> Option<(Row, Overflow)> {
        match restriction {
            Restriction::Attributes(filter) => self.series.row(&filter.of(attributes)),
            Restriction::All => None,
        }
    }

    /// The row of some attributes' series, made if need be, which does not go before it is unpinned; and whether it stands for one
    /// beyond the limit.
    pub(crate) fn pinned_row<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        loop {
            let found = {
                let _section = cells::section();
                self.row_or_overflow(attributes)?
            };
            // The overflow series stays anyway.
            if found.1 != Overflow::No && self.series.overflow_row() == Some(found.0) {
                return Some(found);
            }
            let pinned = match self.filter() {
                Some(filter) => self.series.pinned_row(&filter.of(attributes)),
                None => self.series.pinned_row(attributes),
            };
            // Should it have been removed meanwhile, there is a new one to be found.
            if pinned.is_some() {
                return pinned;
            }
        }
    }

    /// Pins a series once more.
    pub(crate) fn pin(&self, row: Row) {
        self.series.rare.make().vacancies.pin(row);
    }

    /// Lets a series go that [`pinned_row`](Self::pinned_row) has pinned.
    pub(crate) fn unpin(&self, row: Row) {
        if let Some(rare) = self.series.rare.get() {
            rare.vacancies.unpin(row);
        }
    }
}
