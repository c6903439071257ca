//! OpenTelemetry's side of a span of `tracing`.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceId};
use opentelemetry::{Context, Key, KeyValue, Value};
use tracing::{Dispatch, Span};

use crate::core::Core;
use crate::foreign;
use crate::layer::TelemetryLayer;
use crate::local;
use crate::subscriber::TelemetrySubscriber;

/// What OpenTelemetry knows of a span and `tracing` does not, on [`tracing::Span`], for both products.
///
/// Everything may be called at any time while the span lives, entered or not, from any thread. On a span that is disabled, or whose
/// subscriber is another, nothing happens; on one that is not sampled, little: see each method.
///
/// ```
/// use opentelemetry::trace::Status;
/// use tachograph_tracing::SpanExt;
///
/// let span = tracing::info_span!("charge");
/// span.set_attribute("payment.provider", "bank");
/// span.set_status(Status::error("card refused"));
/// ```
pub trait SpanExt {
    /// Makes the span part of another trace, under the span of a context, such as one that was extracted from a
    /// request's headers. The context's other values, baggage among them, go with the span's.
    ///
    /// The sampler is asked again. Children that the span has already stay where they are. A root that was not sampled
    /// is recorded with its fields if it is now (an error among them as its text, without an event); so is a span with a field `otel.kind` or the like. A span under a local one
    /// that was not sampled is recorded from here on. If the span is the innermost on this thread, what
    /// is attached changes at once; on other threads it changes the next time it is entered.
    ///
    /// A context without a valid span changes nothing. One with the span itself, such as the current one inside of it, changes the values
    /// only.
    fn set_parent(&self, context: &Context);

    /// A context with the span in it: to inject into a request, or to attach. In lazy mode the span is from now on attached
    /// when it is entered. Where the span is disabled or unknown it is the current context.
    fn context(&self) -> Context;

    /// Links the span to another.
    fn add_link(&self, to: SpanContext) {
        self.add_link_with_attributes(to, Vec::new());
    }

    /// Links the span to another, and says how.
    fn add_link_with_attributes(&self, to: SpanContext, attributes: Vec<KeyValue>);

    /// Sets an attribute, which need not be a field that was declared. Not kept if the span is not sampled.
    fn set_attribute(&self, key: impl Into<Key>, value: impl Into<Value>);

    /// Sets the status, by the rules of OpenTelemetry: ok is final.
    fn set_status(&self, status: Status);

    /// Adds an event, that happened now.
    fn add_event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>);

    /// The trace and the span's id in it; `None` where there are none. Costs no allocation. A span that was never
    /// started, under one that is not sampled, has that one's ids.
    fn ids(&self) -> Option<(TraceId, SpanId)>;
}

/// The core and the number of a span, whichever product made it.
fn find<T>(span: &Span, with: impl FnOnce(&Core, u64) -> T) -> Option<T> {
    span.with_subscriber(|(id, dispatch): (_, &Dispatch)| {
        if let Some(subscriber) = dispatch.downcast_ref::<TelemetrySubscriber>() {
            return Some(with(subscriber.core(), id.into_u64()));
        }
        let layer = dispatch.downcast_ref::<TelemetryLayer>()?;
        Some(with(layer.core(), layer.number(id)))
    })
    .flatten()
}

impl SpanExt for Span {
    fn set_parent(&self, context: &Context) {
        find(self, |core, number| core.set_parent(number, context));
    }

    fn context(&self) -> Context {
        find(self, |core, number| core.context(number)).unwrap_or_else(local::current_context)
    }

    fn add_link_with_attributes(&self, to: SpanContext, attributes: Vec<KeyValue>) {
        find(self, |core, number| {
            core.with_live(number, |live| foreign::add_link(live, &to, &attributes));
        });
    }

    fn set_attribute(&self, key: impl Into<Key>, value: impl Into<Value>) {
        let pair = KeyValue::new(key, value);
        find(self, |core, number| core.with_live(number, |live| live.set_key_value(&pair)));
    }

    fn set_status(&self, status: Status) {
        find(self, |core, number| core.with_live(number, |live| foreign::set_status(live, &status)));
    }

    fn add_event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        let name = name.into();
        find(self, |core, number| {
            core.with_live(number, |live| {
                let time = core.tracer.event_time(live);
                let mut event = live.add_event(&name, time);
                for pair in &attributes {
                    event.set_attribute(pair.key.as_str(), &pair.value);
                }
            });
        });
    }

    fn ids(&self) -> Option<(TraceId, SpanId)> {
        find(self, Core::ids).flatten()
    }
}
