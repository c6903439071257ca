//! The quantiles of a produced summary as pages have them.

use tachograph_sdk::metrics::{ProducedSummary, ProducedValue};

/// The quantiles that a page has, each with its value: those from 0 to 1, and of equal ones the first, for they are told apart by
/// what they are.
pub(super) fn quantiles(summary: &ProducedSummary) -> impl Iterator<Item = (f64, f64)> {
    let all = &summary.quantiles;
    all.iter().enumerate().filter_map(move |(at, (quantile, value))| {
        let has_place =
            (0.0..=1.0).contains(quantile) && all[..at].iter().all(|(other, _)| other != quantile);
        has_place.then_some((*quantile, *value))
    })
}

/// How many of a point's quantiles no page has.
pub(super) fn without_place(value: &ProducedValue) -> usize {
    match value {
        ProducedValue::Summary(summary) => summary.quantiles.len() - quantiles(summary).count(),
        _ => 0,
    }
}
