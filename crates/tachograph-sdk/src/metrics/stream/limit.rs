//! What is said of a stream that has met its cardinality limit.

use super::{Overflow, Stream};
use crate::diag;

impl Stream {
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
}
