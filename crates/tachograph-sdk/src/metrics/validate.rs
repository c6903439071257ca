//! What is asked of names, units and boundaries, and what is done about those that fall short.
//!
//! Nothing is refused: an instrument with a bad name records under that name, and the exporter
//! escapes it; the user is told.

use super::aggregation::Aggregation;
use super::aggregator::{Aggregator, Buckets, Exponential};
use crate::cells::exponential::Limits;
use crate::diag;
use crate::exponential::{MAX_SCALE, MAX_SIZE, MIN_SCALE, MIN_SIZE};

/// The specification's boundaries for histograms.
const DEFAULT_BOUNDARIES: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];

/// The semantic conventions' boundaries for durations in seconds.
const SECONDS_BOUNDARIES: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The instrument name syntax of the metrics API specification.
pub(crate) fn check_name(name: &str) {
    let valid = name.len() <= 255
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'));
    if !valid {
        diag::report(
            "instrument.name",
            name,
            format_args!(
                "instrument name {name:?} is not valid: it should begin with an ASCII letter and have at most 255 \
                 letters, digits, `_`, `.`, `-` and `/`; it is recorded under this name all the same, and exporters \
                 escape what their format cannot hold"
            ),
        );
    }
}

/// The instrument unit syntax of the metrics API specification.
pub(crate) fn check_unit(name: &str, unit: &str) {
    if unit.len() > 63 || !unit.is_ascii() {
        diag::report(
            "instrument.unit",
            name,
            format_args!(
                "unit {unit:?} of instrument {name:?} is not valid: it should have at most 63 ASCII characters, such \
                 as `s`, `By` or `{{request}}`; it is kept as it is"
            ),
        );
    }
}

/// The boundaries that a histogram without valid ones of its own has.
fn default_boundaries(unit: &str) -> &'static [f64] {
    if unit == "s" { &SECONDS_BOUNDARIES } else { &DEFAULT_BOUNDARIES }
}

/// What was asked of a histogram and cannot be.
#[derive(Debug, PartialEq)]
pub(crate) enum Invalid {
    Boundaries(Vec<f64>),
    Exponential { max_size: u32, max_scale: i8 },
}

/// The aggregator of a histogram in this unit, and what was asked of it if that was not valid.
pub(crate) fn histogram(unit: &str, asked: Option<Aggregation>) -> (Aggregator, Option<Invalid>) {
    match asked {
        Some(Aggregation::ExplicitBucketHistogram { boundaries: given, record_min_max }) => {
            let (bounds, invalid) = boundaries(given);
            let aggregator = Aggregator::ExplicitBuckets(Buckets::new(bounds, record_min_max));
            (aggregator, invalid.map(Invalid::Boundaries))
        }
        Some(Aggregation::Base2ExponentialBucketHistogram { max_size, max_scale, record_min_max }) => {
            let limits = Limits {
                size: max_size.clamp(MIN_SIZE, MAX_SIZE),
                scale: i32::from(max_scale).clamp(MIN_SCALE, MAX_SCALE),
            };
            let is_valid = limits.size == max_size && limits.scale == i32::from(max_scale);
            let invalid = (!is_valid).then_some(Invalid::Exponential { max_size, max_scale });
            (Aggregator::Exponential(Exponential { limits, record_min_max }), invalid)
        }
        _ => (Aggregator::ExplicitBuckets(Buckets::new(default_boundaries(unit).into(), true)), None),
    }
}

/// Boundaries that ascend strictly and are finite, from what was given, which comes back if it was not so.
fn boundaries(given: Vec<f64>) -> (Box<[f64]>, Option<Vec<f64>>) {
    let ascending = given.windows(2).all(|pair| pair[0] < pair[1]);
    if ascending && given.iter().all(|bound| bound.is_finite()) {
        return (given.into(), None);
    }
    let mut repaired: Vec<f64> = given.iter().copied().filter(|bound| bound.is_finite()).collect();
    repaired.sort_by(f64::total_cmp);
    repaired.dedup();
    (repaired.into(), Some(given))
}

/// Reports what was asked of a histogram that got this aggregator instead.
pub(crate) fn report_histogram(name: &str, invalid: &Invalid, instead: &Aggregator) {
    match (invalid, instead) {
        (Invalid::Boundaries(given), Aggregator::ExplicitBuckets(buckets)) => diag::report(
            "instrument.boundaries",
            name,
            format_args!(
                "boundaries {given:?} of histogram {name:?} are not valid: they should be finite and ascend strictly \
                 (the last bucket is open by itself); {:?} are used",
                buckets.bounds()
            ),
        ),
        (
            Invalid::Exponential { max_size, max_scale },
            Aggregator::Exponential(Exponential { limits, .. }),
        ) => {
            diag::report(
                "instrument.exponential",
                name,
                format_args!(
                    "a size of {max_size} and a scale of {max_scale} for the exponential histogram {name:?} are not \
                     valid: there may be {MIN_SIZE} to {MAX_SIZE} buckets on either side of zero, at scales from \
                     {MIN_SCALE} to {MAX_SCALE}; a size of {} and a scale of {} are used",
                    limits.size, limits.scale
                ),
            );
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_repaired() {
        let (repaired, invalid) = boundaries(vec![5.0, f64::NAN, 1.0, 5.0, f64::INFINITY]);
        assert_eq!(*repaired, [1.0, 5.0]);
        assert_eq!(invalid.map(|given| given.len()), Some(5));
        assert_eq!(boundaries(vec![]), (Box::default(), None));
    }

    #[test]
    fn seconds_have_boundaries_of_their_own() {
        assert_eq!(default_boundaries("s")[0], 0.005);
        assert_eq!(default_boundaries("ms")[1], 5.0);
    }
}
