//! From attributes to the row of a stream that a measurement goes to.

use super::{Restriction, Stream};
use crate::attributes::Attributes;
use crate::cells::{self, Row};
use crate::diag;
use crate::metrics::series::Overflow;
use crate::metrics::spellings::Known;

impl Stream {
    /// The row of some attributes' series.
    #[inline]
    pub(crate) fn row<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<Row> {
        self.row_or_overflow(attributes).map(|(row, _)| row)
    }

    /// As [`row`](Self::row), of a stream that keeps all attributes.
    #[inline]
    pub(super) fn row_of_all<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<Row> {
        match self.series.known(attributes) {
            // The commonest case in line.
            Some(Known { row, overflow: false }) => Some(row),
            known => self.row_if(known, attributes),
        }
    }

    #[inline(never)]
    fn row_if<A: Attributes + ?Sized>(&self, known: Option<Known>, attributes: &A) -> Option<Row> {
        Some(self.counted(self.series.row_if(known, attributes)?).0)
    }

    /// The row of some attributes' series, and whether it is one of its own.
    #[inline]
    pub(crate) fn row_or_overflow<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        let found = match self.restriction.as_deref() {
            None => self.series.row(attributes)?,
            Some(restriction) => self.row_within(restriction, attributes)?,
        };
        Some(self.counted(found))
    }

    #[inline]
    fn counted(&self, (row, overflow): (Row, Overflow)) -> (Row, Overflow) {
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

    #[inline(never)]
    pub(crate) fn count_overflow(&self, overflow: Overflow) {
        self.series.rare.make().count_overflowed();
        if matches!(overflow, Overflow::First | Overflow::FirstFolded) {
            self.report_limit(overflow == Overflow::FirstFolded);
        }
    }

    #[cold]
    fn report_limit(&self, folds: bool) {
        let (name, scope, limit) = (&*self.descriptor.name, self.scope.name(), self.series.limit());
        let has_reached = format!(
            "instrument {name:?} of scope {scope:?} has reached its cardinality limit of {limit} attribute sets"
        );
        let (kind, consequence) = match self.series.fold() {
            Some(fold) if folds => ("series.fold", fold.to_string()),
            Some(fold) => {
                let places = fold.most();
                let end = "added up under otel.metric.overflow=true: drop an attribute with a view, or raise the limit";
                (
                    "series.overflow",
                    format!("{fold}; those {places} are taken too now, and what comes on top is {end}"),
                )
            }
            None => {
                let advice = match self.series.widest_attribute() {
                    Some(widest) => format!("{widest}: drop it with a view, or raise the limit"),
                    None => "drop an attribute with too many values, or raise the limit".to_owned(),
                };
                let what = "measurements with further ones are added up under otel.metric.overflow=true";
                ("series.overflow", format!("{what}; {advice}"))
            }
        };
        diag::report(kind, name, format_args!("{has_reached}: {consequence}"));
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
