//! Propagators: of one format, and composed.

use std::fmt;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};

use crate::carrier::{Extracting, Field, Injecting, Sink, Source};
use crate::format::Format;
use crate::selection::Selection;
use crate::{b3, baggage, jaeger, trace_context};

/// Writes what a context holds into headers, and reads it from them, in the formats that it was made of.
///
/// A value to hand to whatever makes or takes requests: cloning costs an increment, and it is `Send` and `Sync`.
/// The API's [`TextMapPropagator`] is implemented for it; for `http::HeaderMap` there are faster methods, by the
/// feature `http`.
///
/// Formats are used in their order. When headers of several name a span, the last one counts, as in the API's
/// own composite; baggage is that of the last format that found any, but Jaeger's adds to what is there.
///
/// ```
/// use std::collections::HashMap;
/// use opentelemetry::Context;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
/// use tachograph_propagation::{Format, Propagator};
///
/// let propagator = Propagator::new([Format::TraceContext, Format::Baggage]);
/// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let request = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
///
/// let context = propagator.extract_with_context(&Context::new(), &request);
/// assert!(context.span().span_context().is_sampled());
///
/// let mut onward = HashMap::<String, String>::new();
/// propagator.inject_context(&context, &mut onward);
/// assert_eq!(onward["traceparent"], parent);
/// ```
#[derive(Clone)]
pub struct Propagator(Arc<Steps>);

struct Steps {
    steps: Box<[Step]>,
    fields: Box<[String]>,
}

/// Something that propagates.
pub(crate) enum Step {
    Format(Format),
    Other(Arc<dyn TextMapPropagator + Send + Sync>),
}

impl Propagator {
    /// A propagator of these formats, in their order; a repeated one counts once. Of none, it does nothing.
    pub fn new(formats: impl IntoIterator<Item = Format>) -> Self {
        let mut distinct = Vec::new();
        for format in formats {
            if !distinct.contains(&format) {
                distinct.push(format);
            }
        }
        Self::of(distinct.into_iter().map(Step::Format).collect())
    }

    /// A propagator that does nothing.
    pub fn none() -> Self {
        Self::new([])
    }

    /// This one, and after it another, of a format that is not known here.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use opentelemetry::propagation::TextMapCompositePropagator as XrayPropagator;
    /// # let xray = XrayPropagator::new(vec![]);
    /// use tachograph_propagation::Propagator;
    ///
    /// let propagator = Propagator::default().and(Arc::new(xray));
    /// ```
    #[must_use]
    pub fn and(&self, other: Arc<dyn TextMapPropagator + Send + Sync>) -> Self {
        let steps = self.0.steps.iter().map(|step| match step {
            Step::Format(format) => Step::Format(*format),
            Step::Other(other) => Step::Other(Arc::clone(other)),
        });
        Self::of(steps.chain([Step::Other(other)]).collect())
    }

    /// The API's global propagator, whichever that is when it is used: what libraries fall back on. It does
    /// nothing until one is set, and it takes a lock each time; its `fields` are not known.
    pub fn global() -> Self {
        Self::of(vec![Step::Other(Arc::new(Global))])
    }

    fn of(steps: Vec<Step>) -> Self {
        let mut fields = Vec::new();
        for step in &steps {
            match step {
                Step::Format(format) => {
                    fields.extend(format.fields().iter().map(|field| field.name().to_owned()))
                }
                Step::Other(other) => fields.extend(other.fields().map(str::to_owned)),
            }
        }
        let mut distinct: Vec<String> = Vec::with_capacity(fields.len());
        for field in fields {
            if !distinct.contains(&field) {
                distinct.push(field);
            }
        }
        Self(Arc::new(Steps { steps: steps.into(), fields: distinct.into() }))
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0.steps
    }
}

/// Of the default formats, trace context and baggage.
impl Default for Propagator {
    fn default() -> Self {
        Self::new(Format::DEFAULT)
    }
}

impl From<Format> for Propagator {
    fn from(format: Format) -> Self {
        Self::new([format])
    }
}

impl From<&Selection> for Propagator {
    fn from(selection: &Selection) -> Self {
        Self::new(selection.formats().iter().copied())
    }
}

impl fmt::Debug for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Propagator")?;
        f.debug_list().entries(self.steps()).finish()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Format(format) => format.fmt(f),
            Step::Other(other) => other.fmt(f),
        }
    }
}

impl TextMapPropagator for Propagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        for step in self.steps() {
            match step {
                Step::Format(format) => format.inject(cx, &mut Injecting(injector)),
                Step::Other(other) => other.inject_context(cx, injector),
            }
        }
    }

    /// The context of `cx` with what the headers hold; `cx` itself where they hold nothing valid.
    ///
    /// What a format does not find stays as `cx` has it. A server that calls it with the context of an empty
    /// request therefore starts a new trace where headers are missing, malformed or contradictory.
    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let source = Extracting(extractor);
        folded(self.steps(), cx, |step, cx| match step {
            Step::Format(format) => format.extract(cx, &source),
            Step::Other(other) => Some(other.extract_with_context(cx, extractor)),
        })
    }

    /// The headers that injection may set, but for those of Jaeger's baggage, which are named by its keys.
    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0.fields)
    }
}

/// Extracts by each step into what those before it made of `cx`.
pub(crate) fn folded(
    steps: &[Step],
    cx: &Context,
    extract: impl Fn(&Step, &Context) -> Option<Context>,
) -> Context {
    let mut extracted = None;
    for step in steps {
        if let Some(next) = extract(step, extracted.as_ref().unwrap_or(cx)) {
            extracted = Some(next);
        }
    }
    extracted.unwrap_or_else(|| cx.clone())
}

impl Format {
    pub(crate) fn inject(self, cx: &Context, sink: &mut impl Sink) {
        match self {
            Format::TraceContext => trace_context::inject(cx, sink),
            Format::Baggage => baggage::inject(cx, sink),
            Format::B3 => b3::inject_single(cx, sink),
            Format::B3Multi => b3::inject_several(cx, sink),
            Format::Jaeger => jaeger::inject(cx, sink),
        }
    }

    /// The context of `cx` with what was found; nothing if nothing was.
    pub(crate) fn extract(self, cx: &Context, source: &impl Source) -> Option<Context> {
        match self {
            Format::TraceContext => trace_context::extract(cx, source),
            Format::Baggage => baggage::extract(cx, source),
            Format::B3 | Format::B3Multi => b3::extract(cx, source),
            Format::Jaeger => jaeger::extract(cx, source),
        }
    }

    /// What injection may set.
    fn fields(self) -> &'static [Field] {
        match self {
            Format::TraceContext => &[Field::TraceParent, Field::TraceState],
            Format::Baggage => &[Field::Baggage],
            Format::B3 => &[Field::B3],
            Format::B3Multi => &[Field::B3TraceId, Field::B3SpanId, Field::B3Sampled, Field::B3Flags],
            Format::Jaeger => &[Field::UberTraceId],
        }
    }
}

/// The API's global propagator.
#[derive(Debug)]
struct Global;

impl TextMapPropagator for Global {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        opentelemetry::global::get_text_map_propagator(|global| global.inject_context(cx, injector));
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        opentelemetry::global::get_text_map_propagator(|global| global.extract_with_context(cx, extractor))
    }

    /// None: they cannot be borrowed from behind the lock.
    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}
