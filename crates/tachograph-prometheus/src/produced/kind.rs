use tachograph_sdk::metrics::ProducedKind;

use crate::Format;
use crate::claims::Shape;
use crate::labels::{LE, QUANTILE};

/// What a produced metric is on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PageKind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Unknown,
    Info,
}

impl PageKind {
    pub(crate) fn of(kind: ProducedKind) -> Option<Self> {
        match kind {
            ProducedKind::Sum { monotonic: true } => Some(PageKind::Counter),
            // The states of a set are numbers that go up and down to everyone who reads them.
            ProducedKind::Sum { monotonic: false } | ProducedKind::Gauge | ProducedKind::StateSet => {
                Some(PageKind::Gauge)
            }
            ProducedKind::Histogram => Some(PageKind::Histogram),
            ProducedKind::Summary => Some(PageKind::Summary),
            ProducedKind::Unknown => Some(PageKind::Unknown),
            ProducedKind::Info => Some(PageKind::Info),
            // The SDK may learn kinds that this crate has not.
            _ => None,
        }
    }

    /// The label that tells the samples of a series apart.
    pub(crate) fn own_label(self) -> Option<&'static str> {
        match self {
            PageKind::Histogram => Some(LE),
            PageKind::Summary => Some(QUANTILE),
            PageKind::Counter | PageKind::Gauge | PageKind::Unknown | PageKind::Info => None,
        }
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            PageKind::Counter => Shape::Counter,
            PageKind::Gauge | PageKind::Unknown => Shape::Plain,
            PageKind::Histogram => Shape::Histogram,
            PageKind::Summary => Shape::Summary,
            PageKind::Info => Shape::Info,
        }
    }

    /// The word for it in a comment; `has_type` says whether a counter or an info may have its family's name
    /// in OpenMetrics.
    pub(crate) fn word(self, format: Format, has_type: bool) -> &'static str {
        let open = format == Format::OpenMetrics100;
        match self {
            PageKind::Counter if open && !has_type => "unknown",
            PageKind::Counter => "counter",
            PageKind::Info if open && has_type => "info",
            PageKind::Gauge | PageKind::Info => "gauge",
            PageKind::Histogram => "histogram",
            PageKind::Summary => "summary",
            PageKind::Unknown if open => "unknown",
            PageKind::Unknown => "untyped",
        }
    }

    /// `MetricType` of `io/prometheus/client/metrics.proto`.
    pub(crate) fn number(self) -> u64 {
        match self {
            PageKind::Counter => 0,
            PageKind::Gauge | PageKind::Info => 1,
            PageKind::Summary => 2,
            PageKind::Unknown => 3,
            PageKind::Histogram => 4,
        }
    }
}
