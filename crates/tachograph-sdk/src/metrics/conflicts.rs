//! What is said of instruments and streams that get in each other's way.

use opentelemetry::InstrumentationScope;

use super::aggregation::Aggregation;
use super::aggregator::Aggregator;
use super::resolve::{Asked, Report};
use super::stream::{Descriptor, Stream};

/// Two instruments of one name that are not the same.
pub(crate) fn instruments(first: &Descriptor, second: &Descriptor, scope: &InstrumentationScope) -> Report {
    Report::new(
        "instrument.conflict",
        &first.name,
        format!(
            "two instruments of scope {:?} have one name but are not the same: first {first}, now {second}; both record, \
             and an exporter may have to drop the second: give it a name of its own, by a view if it is not yours, or \
             declare both alike",
            scope.name()
        ),
    )
}

/// An instrument's stream that has the name of another instrument's, because a view says so.
pub(crate) fn renamed(instrument: &Descriptor, stream: &Stream) -> Report {
    let name = &*stream.descriptor.name;
    Report::new(
        "view.name.conflict",
        name,
        format!(
            "a view names instrument {:?} of scope {:?} such that two instruments are named {name:?}; both record, each \
             in a stream of its own, and an exporter may have to drop the second: choose another name",
            instrument.name,
            stream.scope.name()
        ),
    )
}

pub(crate) fn too_many_pipelines(most: usize) -> Report {
    Report::new(
        "reader.configurations",
        "",
        format!(
            "there are {most} readers with default aggregations or limits that differ, and each such configuration is \
             recorded for as long as the provider lives: this one gets what readers without settings get; make readers \
             once, and alike"
        ),
    )
}

/// What an instrument that is known already was asked to be and will not be.
pub(crate) fn same_but_for(
    known: Asked<'_>,
    stream: &Stream,
    again: Asked<'_>,
    spelled: &str,
) -> Vec<Report> {
    let mut reports = Vec::new();
    let name = &*known.descriptor.name;
    let scope = known.scope.name();
    if spelled != name {
        reports.push(Report::new(
            "instrument.case",
            name,
            format!(
                "instrument {spelled:?} of scope {scope:?} is the same as {name:?}, since names are the same in upper \
                 and lower case; it is recorded as {name:?}"
            ),
        ));
    }
    if again.advice != known.advice {
        reports.extend(other_advice(name, scope, again.advice, &stream.aggregator));
    }
    if again.limit != known.limit
        && let Some(asked) = again.limit
        && asked != stream.series.limit()
    {
        reports.push(Report::new(
            "instrument.limit.conflict",
            name,
            format!(
                "instrument {name:?} of scope {scope:?} was declared again with a cardinality limit of {asked}; that of \
                 its first declaration stays: {}",
                stream.series.limit()
            ),
        ));
    }
    reports
}

fn other_advice(
    name: &str,
    scope: &str,
    advice: Option<&Aggregation>,
    aggregator: &Aggregator,
) -> Option<Report> {
    match (advice?, aggregator) {
        (
            Aggregation::ExplicitBucketHistogram { boundaries: asked, .. },
            Aggregator::ExplicitBuckets(buckets),
        ) if asked != buckets.bounds() => Some(Report::new(
            "instrument.boundaries.conflict",
            name,
            format!(
                "histogram {name:?} of scope {scope:?} was declared again with boundaries {asked:?}; those of its first \
                 declaration stay: {:?}",
                buckets.bounds()
            ),
        )),
        (Aggregation::ExplicitBucketHistogram { .. }, Aggregator::Exponential(_))
        | (Aggregation::Base2ExponentialBucketHistogram { .. }, Aggregator::ExplicitBuckets(_)) => {
            Some(Report::new(
                "instrument.buckets.conflict",
                name,
                format!(
                    "histogram {name:?} of scope {scope:?} was declared with explicit boundaries and with exponential \
                     buckets; its first declaration counts: declare it once, or alike"
                ),
            ))
        }
        _ => None,
    }
}
