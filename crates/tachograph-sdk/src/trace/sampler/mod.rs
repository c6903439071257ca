//! Which spans are recorded and exported.

mod always;
mod cell;
mod parent_based;
mod rate;
mod ratio;
mod rules;

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};

pub use always::{AlwaysOff, AlwaysOn};
pub(crate) use cell::SamplerCell;
pub use parent_based::ParentBased;
pub use rate::RateLimited;
pub use ratio::TraceIdRatio;
pub use rules::{Rule, Rules};

use super::parent::Parent;
use super::start::SpanAttributes;

/// Decides, when a span starts, whether it is recorded and exported. Anyone can implement it.
///
/// It is asked on the thread that starts the span, for every span but those under suppression: it should be quick,
/// and borrow what it is given. It may be asked on several threads at once. A panic of it does not reach who starts the span: it is
/// reported, and the span is not recorded.
pub trait Sampler: fmt::Debug + Send + Sync + 'static {
    /// Decides about a span.
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling;

    /// Whether a span under a parent of this process that is not sampled is never recorded, whatever else it is. It
    /// is then not asked about such spans, and who starts spans need not make one. No, unless overridden.
    fn follows_unsampled_parent(&self) -> bool {
        false
    }

    /// Whether a span under a parent of this process that is sampled is always recorded and sampled, with no attributes
    /// added and the parent's trace state. It is then not asked about such spans. No, unless overridden.
    fn follows_sampled_parent(&self) -> bool {
        false
    }

    /// What is decided about every span without a parent, where that is one and the same, without attributes added and without
    /// a trace state. It is then not asked about such spans. `None`, that it has to be asked, unless overridden.
    fn root_decision(&self) -> Option<Decision> {
        None
    }
}

impl<S: Sampler + ?Sized> Sampler for Box<S> {
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        (**self).sample(span)
    }

    fn follows_unsampled_parent(&self) -> bool {
        (**self).follows_unsampled_parent()
    }

    fn follows_sampled_parent(&self) -> bool {
        (**self).follows_sampled_parent()
    }

    fn root_decision(&self) -> Option<Decision> {
        (**self).root_decision()
    }
}

impl<S: Sampler + ?Sized> Sampler for Arc<S> {
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        (**self).sample(span)
    }

    fn follows_unsampled_parent(&self) -> bool {
        (**self).follows_unsampled_parent()
    }

    fn follows_sampled_parent(&self) -> bool {
        (**self).follows_sampled_parent()
    }

    fn root_decision(&self) -> Option<Decision> {
        (**self).root_decision()
    }
}

/// The span that a sampler decides about, as it is known when it starts.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SamplingInput<'a> {
    /// Its parent, where it has a valid one.
    pub parent: Option<Parent<'a>>,
    /// Its trace: the parent's, or a new one.
    pub trace_id: TraceId,
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: &'a SpanKind,
    /// The attributes that it starts with; where a span that lives gets another parent, those it has by then.
    pub attributes: &'a dyn SpanAttributes,
    /// The links that it starts with.
    pub links: &'a [Link],
    /// The context it is started in, where the caller has one.
    pub context: Option<&'a Context>,
}

impl<'a> SamplingInput<'a> {
    /// A root of kind internal with a name, without attributes: to try samplers out.
    pub fn root(trace_id: TraceId, name: &'a str) -> Self {
        SamplingInput {
            parent: None,
            trace_id,
            name,
            kind: &SpanKind::Internal,
            attributes: &(),
            links: &[],
            context: None,
        }
    }
}

impl fmt::Debug for SamplingInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamplingInput")
            .field("parent", &self.parent)
            .field("trace_id", &self.trace_id)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What a sampler decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Not recorded, not exported.
    Drop,
    /// Recorded, for processors that look at all spans, and not exported.
    RecordOnly,
    /// Recorded and exported; the sampled flag is set.
    RecordAndSample,
}

/// A sampler's answer: a decision, and rarely more. One without extras allocates nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    decision: Decision,
    extras: Option<Box<Extras>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Extras {
    attributes: Vec<KeyValue>,
    trace_state: Option<TraceState>,
}

impl Sampling {
    /// Record and export.
    pub const SAMPLE: Sampling = Sampling::of(Decision::RecordAndSample);
    /// Neither.
    pub const DROP: Sampling = Sampling::of(Decision::Drop);

    /// A decision without extras.
    pub const fn of(decision: Decision) -> Self {
        Sampling { decision, extras: None }
    }

    /// Sample or drop.
    pub const fn sample_if(sample: bool) -> Self {
        if sample { Self::SAMPLE } else { Self::DROP }
    }

    /// Attributes to add to the span; those it has already win.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Vec<KeyValue>) -> Self {
        self.extras.get_or_insert_default().attributes = attributes;
        self
    }

    /// The trace state from here on, instead of the parent's.
    #[must_use]
    pub fn with_trace_state(mut self, trace_state: TraceState) -> Self {
        self.extras.get_or_insert_default().trace_state = Some(trace_state);
        self
    }

    /// The decision.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Attributes to add to the span.
    pub fn attributes(&self) -> &[KeyValue] {
        self.extras.as_ref().map_or(&[], |extras| &extras.attributes)
    }

    /// The trace state from here on; `None` leaves the parent's.
    pub fn trace_state(&self) -> Option<&TraceState> {
        self.extras.as_ref().and_then(|extras| extras.trace_state.as_ref())
    }
}
