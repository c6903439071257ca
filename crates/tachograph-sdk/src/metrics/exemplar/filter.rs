use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::TraceId;

use super::current::{CurrentSpan, current_span};
use crate::diag;

/// Which measurements may become exemplars; the specification's *ExemplarFilter*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExemplarFilter {
    /// Those made in a sampled span.
    #[default]
    TraceBased,
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
}

impl ExemplarFilter {
    /// The span of a measurement made now, if any; `None` if the measurement may not become an exemplar.
    pub(super) fn admit(self) -> Option<Option<CurrentSpan>> {
        match self {
            ExemplarFilter::TraceBased => current_span().filter(|span| span.sampled).map(Some),
            ExemplarFilter::AlwaysOn => Some(current_span()),
            ExemplarFilter::AlwaysOff => None,
        }
    }
}

/// What a provider said about exemplars.
#[derive(Debug, Default)]
pub(crate) struct Sampling {
    pub(crate) filter: ExemplarFilter,
    pub(crate) trace_keeper: Option<TraceKeeper>,
}

/// Asks that a trace be kept, and says whether it will be, if that is known.
pub(crate) struct TraceKeeper(Box<dyn Fn([u8; 16]) -> Option<bool> + Send + Sync>);

impl TraceKeeper {
    pub(crate) fn new(keep: impl Fn([u8; 16]) -> Option<bool> + Send + Sync + 'static) -> Self {
        TraceKeeper(Box::new(keep))
    }

    /// A panic is contained, and means that nothing is known.
    pub(super) fn keep(&self, trace: TraceId) -> Option<bool> {
        match catch_unwind(AssertUnwindSafe(|| (self.0)(trace.to_bytes()))) {
            Ok(kept) => kept,
            Err(panic) => {
                diag::report(
                    "exemplar.keeper",
                    "",
                    format_args!(
                        "the function that asks to keep the trace of an exemplar panicked: {}; exemplars are kept, their \
                         traces perhaps not",
                        diag::text_of_panic(&*panic)
                    ),
                );
                diag::let_go(panic);
                None
            }
        }
    }
}

impl fmt::Debug for TraceKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceKeeper")
    }
}
