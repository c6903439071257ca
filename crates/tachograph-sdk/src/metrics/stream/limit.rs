//! What is said of a stream that has no room for all series: it has met its cardinality limit, or cells are used up.

use super::{Overflow, Stream};
use crate::diag;

const USED_UP: &str = "the process has no cells left for a new attribute set of";
const ADVICE: &str = "drop attributes with views, lower cardinality limits, let idle series expire, or have histograms of fewer buckets";

impl Stream {
    #[inline(never)]
    pub(crate) fn count_overflow(&self, overflow: Overflow) {
        self.series.rare.make().overflowed.count();
        match overflow {
            Overflow::First | Overflow::FirstFolded => self.report_limit(overflow == Overflow::FirstFolded),
            Overflow::FirstWithoutRow => self.report_used_up(),
            Overflow::No | Overflow::Yes => {}
        }
    }

    #[cold]
    fn report_used_up(&self) {
        let (name, scope) = (&*self.descriptor.name, self.scope.name());
        diag::report(
            "series.used_up",
            name,
            format_args!(
                "{USED_UP} instrument {name:?} of scope {scope:?}: measurements with such sets are added up under \
                 otel.metric.overflow=true; {ADVICE}"
            ),
        );
    }

    /// Counts a measurement for which there is no row, and reports the first.
    #[cold]
    #[inline(never)]
    pub(crate) fn lose<T>(&self) -> Option<T> {
        if !self.is_of_nothing() && self.series.rare.make().count_lost() {
            let (name, scope) = (&*self.descriptor.name, self.scope.name());
            diag::report(
                "measurement.lost",
                name,
                format_args!(
                    "{USED_UP} instrument {name:?} of scope {scope:?}, and it has no overflow series: measurements with \
                     such sets are lost, and counted as tachograph.measurement.lost; those of series that it has are kept. To \
                     have room, {ADVICE}"
                ),
            );
        }
        None
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
}

#[cfg(all(test, not(loom)))]
mod tests;
