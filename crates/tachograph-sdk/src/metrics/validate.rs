//! What is asked of names, units and boundaries, and what is done about those that fall short.
//!
//! Nothing is refused: an instrument with a bad name records under that name, and the exporter
//! escapes it; the user is told.

use crate::diag;

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
pub(crate) fn default_boundaries(unit: &str) -> &'static [f64] {
    if unit == "s" { &SECONDS_BOUNDARIES } else { &DEFAULT_BOUNDARIES }
}

/// Boundaries that ascend strictly and are finite, from what was given, which comes back if it was not so.
pub(crate) fn boundaries(unit: &str, given: Option<Vec<f64>>) -> (Box<[f64]>, Option<Vec<f64>>) {
    let Some(given) = given else {
        return (default_boundaries(unit).into(), None);
    };
    let ascending = given.windows(2).all(|pair| pair[0] < pair[1]);
    if ascending && given.iter().all(|bound| bound.is_finite()) {
        return (given.into(), None);
    }
    let mut repaired: Vec<f64> = given.iter().copied().filter(|bound| bound.is_finite()).collect();
    repaired.sort_by(f64::total_cmp);
    repaired.dedup();
    (repaired.into(), Some(given))
}

/// Reports boundaries that were repaired.
pub(crate) fn report_boundaries(name: &str, given: &[f64], repaired: &[f64]) {
    diag::report(
        "instrument.boundaries",
        name,
        format_args!(
            "boundaries {given:?} of histogram {name:?} are not valid: they should be finite and ascend strictly (the \
             last bucket is open by itself); {repaired:?} are used"
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_repaired() {
        let (repaired, invalid) = boundaries("", Some(vec![5.0, f64::NAN, 1.0, 5.0, f64::INFINITY]));
        assert_eq!(*repaired, [1.0, 5.0]);
        assert_eq!(invalid.map(|given| given.len()), Some(5));
        assert_eq!(boundaries("", Some(vec![])), (Box::default(), None));
    }

    #[test]
    fn seconds_have_boundaries_of_their_own() {
        assert_eq!(boundaries("s", None).0[0], 0.005);
        assert_eq!(boundaries("ms", None).0[1], 5.0);
    }
}
