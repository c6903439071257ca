//! From an instrument, the views and a reader's settings to the streams there are to be.

use opentelemetry::InstrumentationScope;

use super::aggregation::Aggregation;
use super::aggregator::Aggregator;
use super::exemplar::ReservoirKind;
use super::kind::InstrumentKind;
use super::series::MOST_SERIES;
use super::settings::Settings;
use super::stream::{Descriptor, Spec};
use super::validate::{self, Invalid};
use super::view::{StreamChange, View};
use crate::diag;

/// What a reader asks of streams that no view changes: what its streams depend on beside the views.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Defaults {
    /// By [`InstrumentKind`], in the order of its declaration.
    aggregations: [Aggregation; 7],
    pub(crate) limit: Option<usize>,
}

impl Defaults {
    pub(crate) fn set(&mut self, kind: InstrumentKind, aggregation: Aggregation) {
        self.aggregations[kind as usize] = aggregation;
    }

    fn of(&self, kind: InstrumentKind) -> &Aggregation {
        &self.aggregations[kind as usize]
    }
}

/// An instrument as it was declared.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) descriptor: &'a Descriptor,
    pub(crate) scope: &'a InstrumentationScope,
    pub(crate) advice: Option<&'a Aggregation>,
    pub(crate) limit: Option<usize>,
}

/// A stream as it is to be, and what was asked of its aggregator and cannot be.
pub(crate) struct Resolved {
    pub(crate) spec: Spec,
    pub(crate) invalid: Option<Invalid>,
}

/// What is to be said once no lock is held: a subscriber is user code.
pub(crate) struct Report {
    kind: &'static str,
    subject: Box<str>,
    message: String,
}

impl Report {
    pub(crate) fn new(kind: &'static str, subject: &str, message: String) -> Self {
        Report { kind, subject: subject.into(), message }
    }

    pub(crate) fn tell(&self) {
        diag::report(self.kind, &self.subject, &self.message);
    }
}

/// The streams of an instrument for readers with some defaults; none where it is dropped.
pub(crate) fn resolve(
    asked: Asked<'_>,
    settings: &Settings,
    defaults: &Defaults,
    reports: &mut Vec<Report>,
) -> Vec<Resolved> {
    let Descriptor { name, unit, kind, .. } = asked.descriptor;
    let selecting: Vec<&View> =
        settings.views.iter().filter(|view| view.selects(name, *kind, unit, asked.scope)).collect();
    if selecting.is_empty() {
        return spec(asked, &StreamChange::default(), settings, defaults, reports).into_iter().collect();
    }
    let mut all: Vec<Resolved> = Vec::with_capacity(selecting.len());
    for view in selecting {
        let Some(resolved) = spec(asked, &view.stream, settings, defaults, reports) else { continue };
        let spec = &resolved.spec;
        if all.iter().any(|other| other.spec.is_like(spec)) {
            continue;
        }
        if all.iter().any(|other| other.spec.descriptor.name.eq_ignore_ascii_case(&spec.descriptor.name)) {
            reports.push(Report::new(
                "view.conflict",
                name,
                format!(
                    "several views select instrument {name:?} of scope {:?} and make different streams of it that are \
                     all named {:?}, the last of them the view of {:?}; all are recorded, and an exporter may have to \
                     drop all but the first: give them names of their own, or select less",
                    asked.scope.name(),
                    spec.descriptor.name,
                    view.label()
                ),
            ));
        }
        all.push(resolved);
    }
    all
}

fn spec(
    asked: Asked<'_>,
    change: &StreamChange,
    settings: &Settings,
    defaults: &Defaults,
    reports: &mut Vec<Report>,
) -> Option<Resolved> {
    let mut descriptor = asked.descriptor.clone();
    let aggregation = match (&change.aggregation, defaults.of(descriptor.kind), asked.advice) {
        // Advice goes before a default of its own sort: it does not make a histogram of what is to be none.
        (
            Aggregation::Default,
            Aggregation::Default | Aggregation::ExplicitBucketHistogram { .. },
            Some(advice),
        ) => advice,
        (Aggregation::Default, default, _) => default,
        (of_view, ..) => of_view,
    };
    let (aggregator, invalid) = aggregator(asked, aggregation, reports)?;
    if let Some(name) = &change.name {
        descriptor.name = name.as_ref().into();
    }
    if let Some(description) = &change.description {
        descriptor.description = description.as_ref().into();
    }
    let limit = defaults.limit.unwrap_or(settings.limit);
    // More than there is room for is no limit.
    let limit = change.limit.or(asked.limit).unwrap_or(limit).min(MOST_SERIES);
    let mut options = change.options(settings.options);
    if options.reservoir == Some(ReservoirKind::Aligned)
        && !matches!(aggregator, Aggregator::ExplicitBuckets(_))
    {
        options.reservoir = None;
        reports.push(misaligned(asked));
    }
    let spec = Spec { descriptor, aggregator, filter: change.filter.clone(), limit, options };
    Some(Resolved { spec, invalid })
}

fn misaligned(asked: Asked<'_>) -> Report {
    let name = &asked.descriptor.name;
    let message = format!(
        "a view asks that the exemplars of instrument {name:?} of scope {:?} be aligned with buckets, but its stream has no \
         explicit boundaries; the reservoir that suits its aggregation is used: change the view's reservoir or its aggregation",
        asked.scope.name()
    );
    Report::new("view.exemplar_reservoir", name, message)
}

/// What aggregates an instrument's measurements in this way, and what was asked of it if that was not valid; `None` if
/// nothing does.
fn aggregator(
    asked: Asked<'_>,
    aggregation: &Aggregation,
    reports: &mut Vec<Report>,
) -> Option<(Aggregator, Option<Invalid>)> {
    let Descriptor { name, unit, kind, .. } = asked.descriptor;
    let suits = match aggregation {
        Aggregation::Drop => return None,
        Aggregation::Default => true,
        Aggregation::Sum => !matches!(kind, InstrumentKind::Gauge | InstrumentKind::ObservableGauge),
        Aggregation::LastValue => matches!(kind, InstrumentKind::Gauge | InstrumentKind::ObservableGauge),
        Aggregation::ExplicitBucketHistogram { .. } | Aggregation::Base2ExponentialBucketHistogram { .. } => {
            !kind.is_observable()
        }
    };
    if !suits {
        reports.push(Report::new(
            "view.aggregation",
            name,
            format!(
                "instrument {name:?} of scope {:?} is to be aggregated as {aggregation:?}, which does not suit a \
                 {kind:?}; its default aggregation is used: change the view or the reader's default",
                asked.scope.name()
            ),
        ));
    }
    let aggregator = match (suits, aggregation) {
        (
            true,
            Aggregation::ExplicitBucketHistogram { .. } | Aggregation::Base2ExponentialBucketHistogram { .. },
        ) => return Some(validate::histogram(unit, Some(aggregation.clone()))),
        // A sum of what should not be negative either.
        (true, Aggregation::Sum) if *kind == InstrumentKind::Histogram => Aggregator::Sum { monotonic: true },
        _ => match kind {
            InstrumentKind::Counter | InstrumentKind::ObservableCounter => {
                Aggregator::Sum { monotonic: true }
            }
            InstrumentKind::UpDownCounter | InstrumentKind::ObservableUpDownCounter => {
                Aggregator::Sum { monotonic: false }
            }
            InstrumentKind::Gauge | InstrumentKind::ObservableGauge => Aggregator::LastValue,
            InstrumentKind::Histogram => return Some(validate::histogram(unit, None)),
        },
    };
    Some((aggregator, None))
}

/// A view's name where it might select several instruments would make them one; it is taken away, and that is reported.
pub(crate) fn check(views: &mut [View]) {
    for view in views {
        if view.selects_several()
            && let Some(name) = view.stream.name.take()
        {
            diag::report(
                "view.name",
                &name,
                format_args!(
                    "the view of {:?} may select several instruments, which would all be named {name:?}; they keep \
                     their own names, and everything else the view says holds: select one instrument, by its name \
                     without wildcards, to rename it",
                    view.label()
                ),
            );
        }
    }
}
